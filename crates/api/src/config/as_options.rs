//! A configuration in place of options: `new DockerIsol8(loadConfig())`.

use serde_json::{Map, Value};

use super::Config;
/// Takes out of options the sections that only a configuration has: `defaults`, and `network`, which is a
/// word in options. `None` when neither is there.
pub fn take_configuration(fields: &mut Value) -> Option<Value> {
    let object = fields.as_object_mut()?;
    let mut sections = Map::new();
    for key in ["defaults", "network"] {
        if object.get(key).is_some_and(|value| is_section(key, value)) {
            sections.extend(object.remove_entry(key));
        }
    }
    (!sections.is_empty()).then_some(Value::Object(sections))
}

/// A mistake in an option is no configuration: its `network` has one of its lists.
fn is_section(key: &str, value: &Value) -> bool {
    let has = |name| value.get(name).is_some_and(Value::is_array);
    value.is_object() && (key == "defaults" || has("whitelist") || has("blacklist"))
}

/// The options that `config` gives, under those in `fields`, which have the last word.
#[must_use]
pub fn options_over(config: &Config, fields: Value) -> Value {
    // Options are plain data, which always has a JSON form.
    let mut merged = serde_json::to_value(config.raw_options()).unwrap_or_default();
    if let (Some(options), Value::Object(fields)) = (merged.as_object_mut(), fields) {
        options.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
    }
    merged
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::options::RawOptions;

    fn read(mut fields: Value) -> RawOptions {
        let section = take_configuration(&mut fields).expect("a configuration");
        let config = serde_json::from_value(section).unwrap();
        serde_json::from_value(options_over(&config, fields)).unwrap()
    }

    #[test]
    fn a_configuration_gives_the_options_that_it_gives_to_the_command() {
        let config: Config = serde_json::from_value(json!({
            "defaults": {"memoryLimit": "64m", "network": "filtered"},
            "network": {"whitelist": ["a"]}, "audit": {"includeCode": true}, "poolSize": 3,
            "auth": {"enabled": true}, "debug": true, "remoteCode": {"allowPrivate": ["10.0.0.0/8"]},
        }))
        .unwrap();
        let options = read(serde_json::to_value(&config).unwrap());
        assert_eq!(options, config.raw_options());
    }

    #[test]
    fn options_beside_it_have_the_last_word() {
        let options = read(json!({
            "defaults": {"memoryLimit": "64m", "timeoutMs": 5}, "network": {"blacklist": ["b"]},
            "memoryLimit": "32m", "mode": "persistent", "timeoutMs": null,
        }));
        assert_eq!(options.memory_limit.as_deref(), Some("32m"));
        assert_eq!(options.mode.as_deref(), Some("persistent"));
        assert_eq!(options.timeout_ms, Some(5.0));
        assert_eq!(options.network.as_deref(), Some("none"));
        assert_eq!(
            options.network_filter.unwrap().blacklist,
            Some(vec!["b".to_owned()])
        );
        let both = read(json!({"defaults": {"cpuLimit": 2}, "network": "host"}));
        assert_eq!(both.network.as_deref(), Some("host"));
    }

    #[test]
    fn options_are_no_configuration() {
        for mut fields in [
            json!({}),
            json!({"network": "host", "maxConcurrent": 3}),
            json!({"network": {}}),
            json!(null),
        ] {
            assert_eq!(take_configuration(&mut fields), None);
        }
    }
}
