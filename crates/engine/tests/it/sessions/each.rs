//! Rules that are the same in every language.

use isol8_api::result::SessionReset;

use serde_json::json;

use super::{languages::LANGUAGES, support::Session};

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_lives_until_its_interpreter_ends_and_files_longer() {
    for language in &LANGUAGES {
        let runtime = language.runtime;
        let session = Session::new(runtime);
        session.says(language.set).await;
        assert_eq!(session.says(language.get).await, "42", "{runtime}");

        let failed = session.run(language.fail).await;
        assert_eq!(failed.exit_code, 1, "{runtime} {failed:?}");
        assert!(failed.stderr.contains("boom"), "{runtime} {failed:?}");
        assert!(!failed.stderr.contains(".isol8"), "{runtime} {failed:?}");
        assert_eq!(session.says(language.get).await, "42", "{runtime}");

        session.says(language.set_again).await;
        assert_eq!(session.says(language.get).await, "43", "{runtime}");

        session.says(language.write).await;
        assert_eq!(session.run(language.exit).await.exit_code, 7, "{runtime}");
        let after = session.run(language.get).await;
        // Python ends the call alone, and keeps its variables.
        let keeps = runtime == "python";
        assert_eq!(after.stdout == "43", keeps, "{runtime}");
        let reset = (!keeps).then_some(SessionReset::Exit);
        assert_eq!(after.session_reset, reset, "{runtime}");
        assert_eq!(session.run(language.get).await.session_reset, None);
        assert_eq!(session.cmd("cat kept").await.stdout, "kept", "{runtime}");

        session.says(language.set).await;
        let late = session
            .run_with(language.hang, json!({"timeoutMs": 700}))
            .await;
        assert_eq!(late.exit_code, 137, "{runtime}");
        assert!(
            late.stderr.ends_with("--- EXECUTION TIMED OUT ---"),
            "{runtime} {late:?}"
        );
        let after = session.run(language.get).await;
        let reset = (!language.interrupts).then_some(SessionReset::Timeout);
        assert_eq!(after.session_reset, reset, "{runtime} {after:?}");
        assert_eq!(after.stdout == "42", language.interrupts, "{runtime}");
        assert_eq!(session.cmd("cat kept").await.stdout, "kept", "{runtime}");
        session.engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn input_environment_and_a_given_directory_are_the_calls_own() {
    for language in &LANGUAGES {
        let runtime = language.runtime;
        let session = Session::new(runtime);
        for text in ["first", "", "second \u{e9}"] {
            let result = session
                .run_with(language.input, json!({"stdin": text}))
                .await;
            assert_eq!(
                (result.stdout.as_str(), result.exit_code),
                (text, 0),
                "{runtime} {result:?}"
            );
        }
        // This input is larger than a request, and the program does not read it. The next call must not find it.
        let unread = json!({"stdin": "u".repeat(600_000)});
        assert_eq!(
            session
                .run_with(language.set, unread.clone())
                .await
                .exit_code,
            0,
            "{runtime}"
        );
        assert_eq!(session.says(language.input).await, "", "{runtime}");
        let read = session.run_with(language.input, unread).await;
        assert_eq!(read.stdout.len(), 600_000, "{runtime} {}", read.stderr);

        let env = json!({"env": {"KEY": "a 'b\"\nc\u{e9}"}});
        let result = session.run_with(language.environment, env).await;
        assert_eq!(result.stdout, "a 'b\"\nc\u{e9}", "{runtime}");
        assert_eq!(session.says(language.environment).await, "", "{runtime}");

        session.says(language.enter).await;
        assert_eq!(
            session.says(language.directory).await,
            "/sandbox/d",
            "{runtime}"
        );
        let elsewhere = json!({"workdir": "new/e f"});
        let result = session.run_with(language.directory, elsewhere).await;
        assert_eq!(result.stdout, "/sandbox/new/e f", "{runtime} {result:?}");
        assert_eq!(
            session.says(language.directory).await,
            "/sandbox/d",
            "{runtime}"
        );
        session.engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_whole_limited_and_the_same_when_streamed() {
    for language in &LANGUAGES {
        let runtime = language.runtime;
        let session = Session::with(runtime, json!({"maxOutputSize": 100_000}));
        let result = session.run(language.unfinished).await;
        assert_eq!(
            (result.stdout.as_str(), result.stderr.as_str()),
            ("part", "\u{e9}"),
            "{runtime}"
        );
        let large = session.run(language.large).await;
        assert!(large.truncated, "{runtime}");
        assert!(
            large.stdout.contains("--- OUTPUT TRUNCATED (30000"),
            "{runtime}"
        );
        // Each call has a limit of its own.
        let small = session.run(language.unfinished).await;
        assert_eq!(
            (small.stdout.as_str(), small.truncated),
            ("part", false),
            "{runtime}"
        );

        for code in [language.unfinished, language.fail, language.large] {
            let collected = session.run(code).await;
            let mut stream = session.engine.stream(session.request(code, &json!({})));
            let (mut stdout, mut stderr, mut exit) = (String::new(), String::new(), String::new());
            while let Some(event) = stream.recv().await {
                match serde_json::to_value(&event).unwrap()["type"]
                    .as_str()
                    .unwrap()
                {
                    "stdout" => stdout.push_str(&event.data),
                    "stderr" => stderr.push_str(&event.data),
                    "exit" => exit = event.data,
                    other => panic!("{other}"),
                }
            }
            let streamed = (stdout.trim_end(), stderr.trim_end(), exit);
            let code = collected.exit_code.to_string();
            assert_eq!(
                streamed,
                (&*collected.stdout, &*collected.stderr, code),
                "{runtime}"
            );
        }
        session.engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_there_in_every_call_and_masked_in_its_output() {
    for language in &LANGUAGES {
        let session = Session::with(language.runtime, json!({"secrets": {"KEY": "hush-hush"}}));
        for _ in 0..2 {
            assert_eq!(
                session.says(language.environment).await,
                "***",
                "{}",
                language.runtime
            );
        }
        session.engine.stop().await;
    }
}
