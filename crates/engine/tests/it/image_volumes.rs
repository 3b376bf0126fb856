//! Volumes that images declare: a copy of the image's content, of limited size, that no program leaves anything in.

use std::collections::HashMap;

use bollard::query_parameters::{
    InspectContainerOptions, ListContainersOptions, ListVolumesOptions,
};
use isol8_backend::{Backend, SandboxSpec};
use isol8_docker::DockerBackend;

use crate::common::{
    Value, bash_sandbox, build_dockerfile, client, engine, failure, json, remove_images, run,
    stdout, until,
};

/// Content of several owners, some of which keep the others out.
const CONTENT: &str = r"FROM isol8:bash
RUN mkdir -p /data/own/sub /data/closed && cd /data \
    && echo image >file && echo mine >own/sub/mine && echo secret >closed/of-root \
    && cp /bin/bash privileged && chmod 4755 privileged \
    && ln -s /etc/passwd link && ln file again \
    && chown -R 100:101 own && chown 33:33 closed && chmod 700 closed && chmod 777 .
VOLUME /data /nowhere/else /tmp
";

/// All that a program sees of the volume.
const LIST: &str = "cd /data && stat -c '%n %u %g %a %h %F' . * own/sub own/sub/mine; \
    cat file own/sub/mine; ls closed 2>/dev/null || echo refused; ls -A /nowhere/else";

const LISTED: &str = "\
. 0 0 777 4 directory
again 0 0 644 2 regular file
closed 33 33 700 2 directory
file 0 0 644 2 regular file
link 0 0 777 1 symbolic link
own 100 101 755 3 directory
privileged 0 0 4755 1 regular file
own/sub 100 101 755 2 directory
own/sub/mine 100 101 644 1 regular file
image
mine
refused";

/// Changes what it can.
const ATTACK: &str = "cd /data; echo evil >own/sub/mine; rm -f file; ln -s /evil file; \
    mkdir -p left/deep && echo x >left/deep/x && chmod 0 left/deep left; chmod 0 own; \
    touch -d 2001-01-01 .; mkfifo pipe; echo evil >/tmp/left; echo evil >/nowhere/else/left; true";

fn in_image(tag: &str, more: &Value) -> Value {
    let mut options = json!({"image": format!("isol8-test:{tag}")});
    let more = more.as_object().unwrap().clone();
    options.as_object_mut().unwrap().extend(more);
    options
}

fn cmd(script: &str) -> Value {
    json!({"runtime": "bash", "cmd": script})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_finds_the_image_in_a_volume_whatever_the_last_one_did() {
    build_dockerfile("volumes-swept", CONTENT).await;
    for strategy in ["fast", "secure"] {
        let options = json!({"poolStrategy": strategy, "poolSize": {"clean": 0, "dirty": 1}});
        let engine = engine(in_image("volumes-swept", &options));
        let mut containers = Vec::new();
        for _ in 0..3 {
            assert_eq!(stdout(&engine, cmd(LIST)).await, LISTED, "{strategy}");
            let attack = run(&engine, cmd(ATTACK)).await.unwrap();
            containers.push(attack.container_id.unwrap());
        }
        containers.dedup();
        assert_eq!(containers.len(), 1, "{strategy}: the sandbox is used again");
        engine.stop().await;
    }
    remove_images(&["volumes-swept"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_has_a_limited_size_runs_nothing_and_gives_no_privilege() {
    build_dockerfile("volumes-limits", CONTENT).await;
    for mode in ["ephemeral", "persistent"] {
        let options = json!({"mode": mode, "volumeSize": "4m", "network": "none"});
        let engine = engine(in_image("volumes-limits", &options));
        let full = run(&engine, cmd("head -c 8m /dev/zero >/data/own/big"))
            .await
            .unwrap();
        assert_eq!(full.exit_code, 1);
        assert!(
            full.stderr.contains("No space left on device"),
            "{}",
            full.stderr
        );
        let script = "grep -c 'tmpfs /data .*nosuid,nodev,noexec' /proc/self/mounts; \
            /data/privileged -c id; echo $?; cp /bin/true /data/own/t 2>/dev/null; \
            cat /.isol8-volumes/content 2>/dev/null || echo hidden; echo x 2>/dev/null >/.isol8-volumes/x || echo closed";
        let result = run(&engine, cmd(&format!("rm -f /data/own/big; {script}")))
            .await
            .unwrap();
        assert_eq!(result.stdout, "1\n126\nhidden\nclosed", "{mode}");
        engine.stop().await;
    }
    remove_images(&["volumes-limits"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_keeps_its_volume_and_nothing_stays_after_it() {
    build_dockerfile("volumes-session", CONTENT).await;
    let engine = engine(in_image("volumes-session", &json!({"mode": "persistent"})));
    assert_eq!(stdout(&engine, cmd(LIST)).await, LISTED);
    stdout(&engine, cmd("echo kept >/data/own/sub/mine")).await;
    assert_eq!(stdout(&engine, cmd("cat /data/own/sub/mine")).await, "kept");
    let client = client();
    let docker = client.docker().await.unwrap();
    let id = engine.container_id().unwrap();
    let container = docker
        .inspect_container(&id, None::<InspectContainerOptions>)
        .await
        .unwrap();
    let mounts = container.mounts.unwrap_or_default().into_iter();
    let own: Vec<_> = mounts
        .filter(|mount| mount.destination.as_deref() != Some("/.isol8"))
        .filter_map(|mount| mount.name)
        .collect();
    assert_eq!(
        own.len(),
        1,
        "the content for the guest, and no volume of Docker's own"
    );
    engine.stop().await;
    until("the volume is gone", async || {
        let volumes = docker
            .list_volumes(None::<ListVolumesOptions>)
            .await
            .unwrap();
        let mut volumes = volumes.volumes.unwrap_or_default().into_iter();
        volumes.all(|volume| volume.name != own[0])
    })
    .await;
    remove_images(&["volumes-session"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_whose_volume_no_sandbox_can_have_is_refused_by_its_path() {
    let cases = [
        ("root", "VOLUME /", "the volume /: it would cover"),
        (
            "proc",
            "VOLUME /proc/x",
            "the volume /proc/x: it would cover",
        ),
        (
            "guest",
            "VOLUME /.isol8",
            "the volume /.isol8: it would cover",
        ),
        (
            "link",
            "RUN ln -s /usr /l\nVOLUME /l/lib",
            "the volume /l/lib: it is a symbolic link",
        ),
        (
            "pipe",
            "RUN mkdir /d && mkfifo /d/p\nVOLUME /d",
            "the volume /d, and /d/p in it cannot be copied",
        ),
        (
            "large",
            "RUN mkdir /d && head -c 2m /dev/zero >/d/f\nVOLUME /d",
            "the volume /d, and its content is larger than 1048576 bytes: raise the option volumeSize",
        ),
    ];
    for (name, lines, expected) in cases {
        let tag = format!("volumes-{name}");
        build_dockerfile(&tag, &format!("FROM isol8:bash\n{lines}\n")).await;
        let engine = engine(in_image(&tag, &json!({"volumeSize": "1m"})));
        let message = failure(&engine, cmd("true")).await;
        assert!(message.contains(expected), "{name}: {message}");
        engine.stop().await;
        remove_images(&[&tag]).await;
    }
}

/// Volumes inside another volume, with and without a folder between them, and inside the writable places.
const NESTED: &str = r"FROM isol8:bash
RUN mkdir -p /a/b /a/between/c /sandbox/own/cache && chmod 777 /a /a/b /a/between/c /sandbox/own/cache \
    && echo 1 >/a/x && echo 2 >/a/b/x && echo 3 >/a/between/x && echo 4 >/a/between/c/x \
    && echo 5 >/sandbox/own/cache/x && chown 33:33 /a/between && chmod 775 /a/between
VOLUME /a /a/b /a/between/c /sandbox/own/cache /tmp/t
";

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_inside_another_place_is_swept_and_its_sandbox_is_used_again() {
    build_dockerfile("volumes-nested", NESTED).await;
    let list = "find /a /sandbox /tmp | sort | tr '\n' ' '; stat -c '%u %a' /a /a/b /a/between /a/between/c; \
        cat /a/x /a/b/x /a/between/x /a/between/c/x /sandbox/own/cache/x";
    let attack = "cd /a; for d in . b between/c /sandbox/own/cache /tmp/t; do echo evil >$d/left; mkdir -p $d/e/f; done; \
        mv between moved; mv b between/c/b; rm -rf b between /sandbox/own; mv /sandbox/own /sandbox/other; \
        echo evil >/a/b/x; chmod 0 /a/b; true";
    let listed = "/a /a/b /a/b/x /a/between /a/between/c /a/between/c/x /a/between/x /a/x /sandbox /sandbox/own \
        /sandbox/own/cache /sandbox/own/cache/x /tmp /tmp/t 0 777\n0 777\n33 775\n0 777\n1\n2\n3\n4\n5";
    for strategy in ["fast", "secure"] {
        let options = json!({"poolStrategy": strategy, "poolSize": {"clean": 0, "dirty": 1}});
        let engine = engine(in_image("volumes-nested", &options));
        let mut containers = Vec::new();
        for _ in 0..3 {
            assert_eq!(stdout(&engine, cmd(list)).await, listed, "{strategy}");
            let attack = run(&engine, cmd(attack)).await.unwrap();
            containers.push(attack.container_id.unwrap());
        }
        containers.dedup();
        assert_eq!(containers.len(), 1, "{strategy}: the sandbox is used again");
        engine.stop().await;
    }
    remove_images(&["volumes-nested"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_given_up_leaves_no_container_whose_volumes_it_read() {
    let lines = "FROM isol8:bash\nRUN mkdir /d && head -c 40m /dev/zero >/d/f\nVOLUME /d\n";
    build_dockerfile("volumes-given-up", lines).await;
    let client = client();
    let docker = client.docker().await.unwrap();
    let count = async || {
        let image = vec!["isol8-test:volumes-given-up".to_owned()];
        let options = ListContainersOptions {
            all: true,
            filters: Some(HashMap::from([("ancestor".to_owned(), image)])),
            ..Default::default()
        };
        docker.list_containers(Some(options)).await.unwrap().len()
    };
    let backend = DockerBackend::new(client.clone(), None);
    let spec = SandboxSpec {
        image: "isol8-test:volumes-given-up".to_owned(),
        volumes: vec!["/d".to_owned()],
        volume_bytes: 64 << 20,
        ..bash_sandbox()
    };
    tokio::select! {
        started = backend.start(&spec) => drop(started.unwrap()),
        () = until("there is a container", async || count().await > 0) => {}
    }
    until("no container is left", async || count().await == 0).await;
    remove_images(&["volumes-given-up"]).await;
}
