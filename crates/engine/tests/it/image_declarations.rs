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

/// Instructions that have no effect on a sandbox, with a tag for the image of each.
const NEUTRAL: [(&str, &str); 13] = [
    ("entrypoint", r#"ENTRYPOINT ["/bin/false"]"#),
    ("shell-entrypoint", "ENTRYPOINT exec sleep 60"),
    ("cmd", r#"CMD ["/bin/false"]"#),
    ("root", "USER 0:0"),
    ("named-user", "USER nobody"),
    ("unknown-user", "USER no-such-user:no-such-group"),
    ("workdir", "WORKDIR /nowhere"),
    ("stopsignal", "STOPSIGNAL SIGKILL"),
    (
        "healthcheck",
        "HEALTHCHECK --interval=1s --start-period=1s CMD touch /sandbox/health /tmp/health",
    ),
    ("onbuild", "ONBUILD RUN false"),
    ("expose", "EXPOSE 80/tcp 53/udp"),
    ("shell", r#"SHELL ["/bin/false"]"#),
    (
        "labels",
        "LABEL isol8.managed=false isol8.persist=true isol8.owner=1",
    ),
];

/// What a program of this image sees of its sandbox, and what the daemon has for its container.
async fn seen_in(image: &str) -> (String, String) {
    let engine = engine(json!({"image": image, "mode": "persistent"}));
    let script = "id; pwd; umask; env | grep -v ^HOSTNAME= | sort; ls -A /sandbox /tmp; cat /proc/self/limits; \
        grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups)' /proc/self/status; tr '\\0' ' ' </proc/1/cmdline";
    let seen = stdout(&engine, json!({"runtime": "bash", "cmd": script})).await;
    let client = client();
    let docker = client.docker().await.unwrap();
    let id = engine.container_id().unwrap();
    let container = docker.inspect_container(&id, None).await.unwrap();
    let (config, host) = (container.config.unwrap(), container.host_config.unwrap());
    let health = container.state.unwrap().health;
    let checks = health.map_or(0, |health| health.log.unwrap_or_default().len());
    let of_daemon = format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {checks}",
        config.entrypoint,
        config.cmd,
        config.user,
        config.working_dir,
        config.stop_signal,
        config.healthcheck.and_then(|check| check.test),
        host.cap_add,
        host.cap_drop,
        host.port_bindings,
    );
    engine.stop().await;
    (seen, of_daemon)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_declaration_by_itself_changes_nothing() {
    let expected = seen_in("isol8:bash").await;
    let tested = NEUTRAL.map(async |(name, line)| {
        let tag = format!("declares-{name}");
        build_dockerfile(&tag, &format!("FROM isol8:bash\n{line}\n")).await;
        let seen = seen_in(&format!("isol8-test:{tag}")).await;
        remove_images(&[&tag]).await;
        (name, seen)
    });
    for (name, seen) in futures::future::join_all(tested).await {
        assert_eq!(seen, expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_of_the_image_has_no_effect_and_its_preloaded_libraries_are_in_programs_alone() {
    let lines = "FROM isol8:bash\nENV LD_PRELOAD=libm.so.6 PATH=/own:/usr/bin:/bin\n\
        RUN mkdir /own && printf '#!/bin/sh\\nid -u\\n' >/own/tool && chmod 755 /own/tool\n";
    build_dockerfile("preloads", lines).await;
    for mode in ["ephemeral", "persistent"] {
        let engine = engine(json!({"image": "isol8-test:preloads", "mode": mode}));
        let script = "grep -q libm /proc/self/maps && echo loaded; command -v tool || id -u; tr '\\0' ' ' </proc/1/cmdline";
        let found = stdout(&engine, json!({"runtime": "bash", "code": script})).await;
        assert_eq!(found, "loaded\n100\n/.isol8/guest strict", "{mode}");
        let request = json!({"runtime": "bash", "code": script, "env": {"LD_PRELOAD": ""}});
        let found = stdout(&engine, request).await;
        assert_eq!(found, "100\n/.isol8/guest strict", "{mode}");
        engine.stop().await;
    }
    remove_images(&["preloads"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn modules_that_node_options_of_an_image_name_run_as_the_sandbox_user() {
    let lines = "FROM isol8:node\nRUN echo 'globalThis.found = process.getuid()' >/evil.cjs\n\
        ENV NODE_OPTIONS='--require /evil.cjs'\n";
    build_dockerfile("node-options", lines).await;
    for mode in ["ephemeral", "persistent"] {
        let engine = engine(json!({"image": "isol8-test:node-options", "mode": mode}));
        let request = json!({"runtime": "node", "code": "console.log(globalThis.found)"});
        assert_eq!(stdout(&engine, request).await, "100", "{mode}");
        engine.stop().await;
    }
    let engine = engine(json!({"image": "isol8-test:node-options"}));
    let request = json!({
        "runtime": "node", "code": "console.log(globalThis.found)", "env": {"NODE_OPTIONS": ""},
    });
    assert_eq!(stdout(&engine, request).await, "undefined");
    engine.stop().await;
    remove_images(&["node-options"]).await;
}
