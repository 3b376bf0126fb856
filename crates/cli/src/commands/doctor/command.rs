//! Prints the checks.

use isol8_api::{config::load_config, options::BackendChoice};

use super::{
    check::{Check, Verdict},
    checks::check,
    facts::gather,
};
use crate::{
    args::DoctorArgs,
    failure::{Exit, Failure},
    output::print,
    sandboxes::Sandboxes,
    settings::{BackendSettings, variable},
};

/// Checks this machine.
pub(crate) async fn run(args: DoctorArgs) -> Result<Exit, Failure> {
    // It helps also where the configuration cannot be read, and then without it.
    let config = std::env::current_dir()
        .ok()
        .and_then(|folder| load_config(&folder).ok())
        .map(|loaded| loaded.config)
        .unwrap_or_default();
    let backend = BackendSettings::resolve(&args.backend, &config, variable)?;
    let on_docker = BackendSettings {
        choice: BackendChoice::Docker,
        ..backend
    };
    let facts = gather(&Sandboxes::new(on_docker), backend.choice, args.offline).await;
    let checks = check(&facts);
    let printed = print(&if args.json {
        serde_json::to_string(&checks).map_err(|error| Failure::Usage(error.to_string()))?
    } else {
        described(&checks)
    })?;
    let problem = checks.iter().any(|check| check.verdict == Verdict::Problem);
    Ok(if problem { Exit::Failed } else { printed })
}

fn described(checks: &[Check]) -> String {
    let lines = checks.iter().map(|check| {
        let marker = match check.verdict {
            Verdict::Ok => "[OK]  ",
            Verdict::Warning => "[WARN]",
            Verdict::Problem => "[ERR] ",
        };
        let line = format!("{marker} {}: {}", check.name, check.found);
        match &check.remedy {
            Some(remedy) => format!("{line}\n       {remedy}"),
            None => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_is_a_line_and_its_remedy_another() {
        let check = |verdict, remedy: Option<&str>| Check {
            name: "Docker",
            verdict,
            found: "found".to_owned(),
            remedy: remedy.map(str::to_owned),
        };
        assert_eq!(
            described(&[
                check(Verdict::Ok, None),
                check(Verdict::Problem, Some("do this"))
            ]),
            "[OK]   Docker: found\n[ERR]  Docker: found\n       do this"
        );
    }
}
