//! That no field of a request is without a row, and what each row refuses.

use std::collections::BTreeSet;

use isol8_api::{
    options::{RawOptions, RequestPreset},
    request::{FileContent, OutputEncoding},
};
use serde::{
    Deserialize as _, Deserializer,
    de::{Visitor, value::Error},
    forward_to_deserialize_any,
};
use serde_json::json;

use super::*;
use crate::options::Options;

/// Finds out which fields a type has under which public names.
struct Fields<'a>(&'a mut BTreeSet<&'static str>);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("only a struct has fields"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.extend(fields);
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn check_json(limits: &serde_json::Value, request: serde_json::Value) -> Result<(), String> {
    let raw: RawOptions = serde_json::from_value(json!({ "requestLimits": limits })).unwrap();
    let options = Options::try_from(raw).unwrap();
    let request = serde_json::from_value(request).unwrap();
    check(&options.request_limits, &request, &[]).map_err(|error| error.to_string())
}

#[test]
fn every_field_of_a_request_has_a_row_and_is_measured() {
    let mut fields = BTreeSet::new();
    let _ = ExecutionRequest::deserialize(Fields(&mut fields));
    assert!(fields.remove("timeoutMs"), "{fields:?}");
    let limits = RequestLimits::preset(RequestPreset::Strict);
    let rows: BTreeSet<_> = limits.rows().map(|row| row.names.field).collect();
    let measured: BTreeSet<_> = measures(&ExecutionRequest::default(), &[])
        .map(|measure| measure.field)
        .into();
    assert_eq!(fields, rows);
    assert_eq!(fields, measured);
}

#[test]
fn an_error_names_the_field_the_value_and_the_option() {
    for (limits, request, message) in [
        (
            json!({ "timeoutMs": 1000 }),
            json!({ "timeoutMs": 1000.5 }),
            "The request has a timeoutMs of 1000.5; requestLimits.timeoutMs allows 1000.",
        ),
        (
            json!({ "code": { "maxBytes": 3 } }),
            json!({ "code": "éé" }),
            "The request has 4 bytes in code; requestLimits.code.maxBytes allows 3.",
        ),
        (
            json!({ "files": { "maxCount": 1 } }),
            json!({ "files": { "/a": "", "/b": "" } }),
            "The request has 2 entries in files; requestLimits.files.maxCount allows 1.",
        ),
        (
            json!({ "setupScript": { "allowed": false } }),
            json!({ "setupScript": "true" }),
            "Requests must not have setupScript: requestLimits.setupScript.allowed is false.",
        ),
    ] {
        assert_eq!(check_json(&limits, request).unwrap_err(), message);
    }
}

/// One entry, and the two bytes `ab` or more, in every field that can be limited.
fn full() -> ExecutionRequest {
    let map = || [("a".to_owned(), "b".to_owned())].into();
    let text = || Some("ab".to_owned());
    ExecutionRequest {
        runtime: "ab".to_owned(),
        code: text(),
        code_url: text(),
        cmd: text(),
        code_hash: text(),
        allow_insecure_code_url: true,
        timeout_ms: None,
        env: map(),
        file_extension: text(),
        stdin: text(),
        files: [("a".to_owned(), FileContent::Text("b".to_owned()))].into(),
        output_paths: Some(vec!["ab".to_owned()]),
        output_encoding: Some(OutputEncoding::Base64),
        install_packages: vec!["ab".to_owned()],
        metadata: map(),
        setup_script: text(),
        workdir: text(),
        agent_flags: text(),
    }
}

#[test]
fn each_limit_of_each_field_is_enforced_exactly() {
    let mut refusals = 0;
    for measure in measures(&full(), &[]) {
        let limits = RequestLimits::default();
        let row = *limits.of(measure.field).unwrap();
        assert!(measure.check(&row).is_ok());
        assert!(measure.given, "{}", measure.field);
        let refused = FieldLimits {
            allowed: false,
            ..row
        };
        assert!(measure.check(&refused).is_err());
        for (limit, wrong) in [(0, true), (1, true), (2, false)] {
            let row = FieldLimits {
                max_bytes: Some(limit),
                ..row
            };
            let wrong = wrong && measure.bytes > 0;
            assert_eq!(measure.check(&row).is_err(), wrong, "{}", measure.field);
            refusals += u32::from(wrong);
        }
        for (limit, wrong) in [(0, true), (1, false)] {
            let row = FieldLimits {
                max_count: Some(limit),
                ..row
            };
            let wrong = wrong && measure.count > 0;
            assert_eq!(measure.check(&row).is_err(), wrong, "{}", measure.field);
            refusals += u32::from(wrong);
        }
    }
    // 15 fields have bytes, each refused twice; 5 of them are lists, each refused once.
    assert_eq!(refusals, 35);
}

#[test]
fn a_file_of_a_session_has_the_limits_of_a_request_with_it_alone() {
    let strict = RequestLimits::preset(RequestPreset::Strict);
    assert_eq!(check_file_in(&strict, "/a", (16 << 20) - 2), Ok(()));
    assert_eq!(
        check_file_in(&strict, "/a", (16 << 20) - 1)
            .unwrap_err()
            .to_string(),
        "The request has 16777217 bytes in files; requestLimits.files.maxBytes allows 16777216."
    );
    assert_eq!(check_file_out(&strict, "/a"), Ok(()));
    assert!(check_file_out(&strict, &"/a".repeat(64 << 10)).is_err());
    let (most, error) = largest_file(&strict, 1 << 30).unwrap();
    assert_eq!(most, 16 << 20);
    assert_eq!(
        error.to_string(),
        "The file is larger than 16777216 bytes, which requestLimits.files.maxBytes allows."
    );
    assert_eq!(largest_file(&strict, 1 << 20), None);
    let open = RequestLimits::default();
    assert_eq!(check_file_in(&open, "/a", usize::MAX / 2), Ok(()));
    assert_eq!(largest_file(&open, 1 << 30), None);
    let raw = json!({"files": {"allowed": false}, "outputPaths": {"maxCount": 0}});
    let closed = RequestLimits::try_from(
        serde_json::from_value::<isol8_api::options::RawRequestLimits>(raw).unwrap(),
    )
    .unwrap();
    assert!(check_file_in(&closed, "/a", 0).is_err());
    assert!(check_file_out(&closed, "/a").is_err());
}

#[test]
fn the_bytes_of_a_request_are_those_of_all_its_fields() {
    assert_eq!(bytes_of(&ExecutionRequest::default()), 0);
    assert_eq!(bytes_of(&full()), 30);
}

#[test]
fn what_is_blank_or_empty_is_not_there() {
    let limits = RequestLimits::preset(RequestPreset::Strict);
    let request = json!({
        "runtime": "bash", "code": "true", "codeUrl": " ", "cmd": "", "agentFlags": "",
        "allowInsecureCodeUrl": false, "installPackages": [], "setupScript": "\n",
        "timeoutMs": 60_000,
    });
    let request = serde_json::from_value(request).unwrap();
    assert_eq!(check(&limits, &request, &[]), Ok(()));
}

#[test]
fn a_fetched_program_has_the_limit_of_one_in_the_request() {
    let limits = RequestLimits::preset(RequestPreset::Strict);
    let mut code = "x".repeat(1 << 20);
    assert_eq!(check_fetched(&limits, &code), Ok(()));
    code.push('x');
    assert_eq!(
        check_fetched(&limits, &code).unwrap_err().to_string(),
        "The request has 1048577 bytes in code; requestLimits.code.maxBytes allows 1048576."
    );
}
