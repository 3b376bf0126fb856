use bollard::models::HostConfig;

use super::*;

fn info(default: &str, runtimes: &[(&str, &str, &[&str])]) -> SystemInfo {
    let runtimes = runtimes.iter().map(|(name, path, arguments)| {
        let runtime = Runtime {
            path: Some((*path).to_owned()),
            runtime_args: Some(arguments.iter().map(|&word| word.to_owned()).collect()),
            ..Runtime::default()
        };
        ((*name).to_owned(), runtime)
    });
    SystemInfo {
        default_runtime: Some(default.to_owned()),
        runtimes: Some(runtimes.collect()),
        ..SystemInfo::default()
    }
}

#[test]
fn gvisor_is_known_by_its_program_and_its_sockets_by_its_arguments() {
    let known = info(
        "runc",
        &[
            ("plain", "/usr/bin/runsc", &["--network=none"]),
            ("open", "/opt/runsc", &["--fsgofer-host-uds"]),
            ("runsc", "io.containerd.runsc.v1", &[]),
            ("kata", "/usr/bin/kata-runtime", &[]),
        ],
    );
    let found = |name| Dialect::of(false, &known, Some(name)).unwrap();
    let gvisor = |sockets| Dialect {
        gvisor: true,
        sockets,
        ..Dialect::DOCKER
    };
    assert_eq!(found("plain"), gvisor(false));
    assert_eq!(found("open"), gvisor(true));
    assert_eq!(found("runsc"), gvisor(false));
    assert_eq!(found("kata"), Dialect::DOCKER);
}

#[test]
fn podman_uses_the_runtime_of_its_service_and_no_other() {
    let service = info("/usr/bin/crun", &[]);
    let of = |wanted| Dialect::of(true, &service, wanted);
    assert!(of(None).unwrap().podman);
    assert!(of(Some("crun")).is_ok());
    let error = of(Some("runsc")).unwrap_err();
    assert_eq!(error.kind, BackendErrorKind::ContainerRuntime);
    assert!(
        error.to_string().contains("podman --runtime runsc"),
        "{error}"
    );
}

fn body() -> ContainerCreateBody {
    let sandbox = "rw,exec,size=9,uid=100,gid=101,mode=0755".to_owned();
    ContainerCreateBody {
        host_config: Some(HostConfig {
            readonly_rootfs: Some(true),
            pids_limit: Some(68),
            security_opt: Some(vec!["seccomp={}".to_owned()]),
            tmpfs: Some(HashMap::from([("/sandbox".to_owned(), sandbox)])),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

#[test]
fn podman_gets_files_and_options_that_it_takes() {
    let podman = Dialect {
        podman: true,
        ..Dialect::DOCKER
    };
    let mut body = body();
    let profile = podman.profile(&body, true).unwrap().unwrap();
    assert_eq!(fs::read_to_string(profile.path()).unwrap(), "{}");
    assert!(podman.profile(&body, false).unwrap().is_none());
    podman.adapt(&mut body, Some(profile.path()));
    let host = body.host_config.unwrap();
    let option = format!("seccomp={}", profile.path().display());
    assert_eq!(host.security_opt.unwrap(), [option]);
    let places = host.tmpfs.unwrap();
    assert_eq!(places["/sandbox"], "rw,exec,size=9,mode=0755,notmpcopyup");
    assert!(places["/run"].starts_with("ro,") && places["/var/tmp"].starts_with("ro,"));
    let limits = host.ulimits.unwrap();
    assert_eq!(limits[0].name.as_deref(), Some("nproc"));
    assert_eq!(host.pids_limit, Some(68));
}

#[test]
fn docker_gets_what_it_got_and_gvisor_room_for_its_threads() {
    let mut same = body();
    Dialect::DOCKER.adapt(&mut same, None);
    assert_eq!(same, body());
    let gvisor = Dialect {
        gvisor: true,
        ..Dialect::DOCKER
    };
    gvisor.adapt(&mut same, None);
    assert_eq!(same.host_config.unwrap().pids_limit, Some(68 * 32 + 512));
}
