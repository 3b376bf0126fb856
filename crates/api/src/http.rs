//! Bodies of the server's HTTP endpoints.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ErrorCode,
    field::is_false,
    options::{RawOptions, object, present_object},
    request::ExecutionRequest,
};

/// Body of `POST /execute` and of `POST /execute/stream`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"request": {"runtime": "python", "code": "print(6 * 7)"}}))]
pub struct ExecuteBody {
    /// What to run.
    #[serde(deserialize_with = "present_object")]
    pub request: ExecutionRequest,
    /// Options that replace the server's own defaults.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "object"
    )]
    pub options: Option<RawOptions>,
    /// The session to run in; it is made when there is none of this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Whether the last exit event of a stream carries the result. Servers of version 0.20 ignore it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub result: bool,
}

/// Body of `POST /file`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UploadBody {
    /// The session whose sandbox gets the file.
    pub session_id: String,
    /// Path in the sandbox.
    pub path: String,
    /// Contents in base64.
    #[schema(content_encoding = "base64")]
    pub content: String,
}

/// Answer of `GET /file`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileContents {
    /// Contents in base64.
    pub content: String,
}

/// A session of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// Its id.
    pub id: String,
    /// Whether it runs a program at the moment.
    pub is_active: bool,
    /// When it was last used, in ISO 8601.
    pub last_accessed_at: String,
    /// The tenant that it belongs to. Only the master key sees sessions of tenants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
}

/// Body of `POST /auth/keys` and, with the name left to the server, of `POST /auth/login`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NewKeyBody {
    /// What the key is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The tenant that it is for, default `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// How long it is valid in milliseconds, default `auth.defaultTtlMs` of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(exclusive_minimum = 0)]
    pub ttl_ms: Option<f64>,
}

/// Answer of `POST /auth/keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedKey {
    /// Its id.
    pub id: String,
    /// The key. Nobody can read it again.
    pub key: String,
    /// What it is for.
    pub name: String,
    /// Its first characters.
    pub key_prefix: String,
    /// The tenant that it is for.
    pub tenant_id: String,
    /// When it ends, in ISO 8601.
    pub expires_at: String,
}

/// A key of the database, as lists show it. Times are in ISO 8601.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyInfo {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// Its first characters.
    pub key_prefix: String,
    /// The tenant that it is for.
    pub tenant_id: String,
    /// When it was made.
    pub created_at: String,
    /// When it ends.
    pub expires_at: String,
    /// When it was last shown; `null` when it never was.
    pub last_used_at: Option<String>,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// Answer of `GET /auth/keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyList {
    /// The keys, oldest first.
    pub keys: Vec<KeyInfo>,
}

/// Answer of `DELETE /auth/keys/:id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevokedKey {
    /// True.
    pub ok: bool,
    /// The key's id.
    pub id: String,
}

/// Answer of `POST /auth/login`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Login {
    /// The new key.
    pub token: String,
    /// When it ends, in ISO 8601.
    pub expires_at: String,
    /// Its id.
    pub key_id: String,
}

/// Answer of `GET /sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionList {
    /// The sessions that the caller may see.
    pub sessions: Vec<SessionInfo>,
}

/// Answer of `GET /health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`.
    pub status: String,
    /// The server's version.
    pub version: String,
}

/// Body of an answer that reports an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What happened and what to do, for people.
    pub error: String,
    /// The code, for programs. Servers of version 0.20 send none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = true, value_type = ErrorCode)]
    pub code: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn bodies_have_their_public_names() {
        let body: ExecuteBody = from_value(json!({
            "request": {"runtime": "python", "code": "1"},
            "options": {"network": "none"},
            "sessionId": "a",
        }))
        .unwrap();
        assert_eq!(body.session_id.as_deref(), Some("a"));
        assert_eq!(body.options.unwrap().network.as_deref(), Some("none"));
        let info = SessionInfo {
            id: "a".to_owned(),
            is_active: true,
            last_accessed_at: "2026-01-01T00:00:00.000Z".to_owned(),
            tenant_id: None,
        };
        let list = SessionList {
            sessions: vec![info],
        };
        assert_eq!(
            to_value(list).unwrap(),
            json!({"sessions": [{"id": "a", "isActive": true, "lastAccessedAt": "2026-01-01T00:00:00.000Z"}]})
        );
    }

    #[test]
    fn a_list_is_no_object_and_a_body_has_a_request() {
        for (body, message) in [
            (json!({}), "missing field `request`"),
            (
                json!({"request": null}),
                "invalid type: null, expected an object",
            ),
            (
                json!({"request": ["bash", "1"]}),
                "invalid type: sequence, expected an object",
            ),
            (
                json!({"request": {}, "options": [null]}),
                "invalid type: sequence, expected an object",
            ),
        ] {
            let error = from_value::<ExecuteBody>(body.clone()).unwrap_err();
            assert_eq!(error.to_string(), message, "{body}");
        }
    }

    #[test]
    fn an_error_of_an_older_server_has_no_code() {
        let body: ErrorBody = from_value(json!({"error": "x"})).unwrap();
        assert_eq!(body.code, None);
        assert_eq!(to_value(body).unwrap(), json!({"error": "x"}));
    }
}
