//! What else images declare: it changes nothing in the confinement of a sandbox.

use crate::common::{build_dockerfile, client, engine, json, remove_images, run, stdout};

/// Everything that an image can say about how it wants to be run.
const IMAGE: &str = r#"FROM isol8:python
RUN mkdir -p /evil /empty && printf '#!/bin/sh\necho started >/sandbox/evil; exec sleep 60\n' >/evil/run \
    && printf 'evil_from_bash_env() { echo "bash $(id -u)"; }\n' >/evil/bash \
    && printf 'import os; print("startup", os.getuid())\n' >/evil/python.py && chmod 755 /evil/run
ENV LD_PRELOAD=/evil/missing.so BASH_ENV=/evil/bash PYTHONSTARTUP=/evil/python.py \
    ISOL8_MARK=image HTTP_PROXY=http://10.0.0.1:1 PATH=/evil:/usr/local/bin:/usr/bin:/bin
LABEL isol8.managed=false isol8.runtime=evil isol8.persist=true isol8.owner=1
USER 0:0
WORKDIR /evil
STOPSIGNAL SIGKILL
HEALTHCHECK --interval=1s CMD ["/evil/run"]
EXPOSE 80
ONBUILD RUN false
ENTRYPOINT ["/evil/run"]
CMD ["evil"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_an_image_declares_changes_nothing_in_its_sandboxes() {
    build_dockerfile("declares", IMAGE).await;
    for mode in ["ephemeral", "persistent"] {
        let engine = engine(json!({"image": "isol8-test:declares", "mode": mode}));
        let script = "id -u; id -g; pwd; grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status; \
            tr '\\0' ' ' </proc/1/cmdline; echo; ls -A /sandbox; echo $ISOL8_MARK";
        let request = json!({"runtime": "bash", "cmd": script});
        let result = run(&engine, request).await.unwrap();
        assert_eq!(
            result.stdout,
            "100\n101\n/sandbox\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n\
             /.isol8/guest strict \nimage",
            "{mode}: {}",
            result.stderr
        );
        let client = client();
        let docker = client.docker().await.unwrap();
        let id = result.container_id.unwrap();
        if let Ok(container) = docker.inspect_container(&id, None).await {
            let config = container.config.unwrap();
            let state = container.state.unwrap();
            assert_eq!(config.stop_signal.as_deref(), Some("SIGTERM"));
            assert!(
                state
                    .health
                    .is_none_or(|health| health.log.unwrap_or_default().is_empty())
            );
            let labels = config.labels.unwrap();
            assert_eq!(labels["isol8.managed"], "true");
            assert_eq!(labels["isol8.runtime"], "bash");
            assert_eq!(labels["isol8.persist"], "false");
            assert_eq!(labels["isol8.owner"], "");
        }
        engine.stop().await;
    }
    remove_images(&["declares"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_the_environment_of_an_image_names_runs_as_the_sandbox_user_alone() {
    build_dockerfile("environment", IMAGE).await;
    let engine = engine(json!({"image": "isol8-test:environment"}));
    let bash = run(
        &engine,
        json!({"runtime": "bash", "cmd": "evil_from_bash_env"}),
    );
    assert_eq!(bash.await.unwrap().stdout, "bash 100");
    // PYTHONSTARTUP counts for interactive interpreters alone.
    let script = "import os; print(os.getuid(), os.environ['PYTHONSTARTUP'])";
    let python = run(&engine, json!({"runtime": "python", "code": script}));
    assert_eq!(python.await.unwrap().stdout, "100 /evil/python.py");
    // A request goes over it.
    let request = json!({
        "runtime": "bash", "cmd": "echo $ISOL8_MARK$BASH_ENV$LD_PRELOAD",
        "env": {"ISOL8_MARK": "request", "BASH_ENV": "", "LD_PRELOAD": ""},
    });
    assert_eq!(stdout(&engine, request).await, "request");
    engine.stop().await;
    remove_images(&["environment"]).await;
}
