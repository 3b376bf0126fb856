//! Bodies of the server's HTTP endpoints.

use serde::{Deserialize, Serialize};

use crate::{options::RawOptions, request::ExecutionRequest};

/// Body of `POST /execute` and of `POST /execute/stream`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecuteBody {
    /// What to run.
    pub request: ExecutionRequest,
    /// Options that replace the server's own defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<RawOptions>,
    /// The session to run in; it is made when there is none of this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
}

/// Body of `POST /file`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadBody {
    /// The session whose sandbox gets the file.
    pub session_id: String,
    /// Path in the sandbox.
    pub path: String,
    /// Contents in base64.
    pub content: String,
}

/// Answer of `GET /file`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileContents {
    /// Contents in base64.
    pub content: String,
}

/// A session of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// Its id.
    pub id: String,
    /// Whether it runs a program at the moment.
    pub is_active: bool,
    /// When it was last used, in ISO 8601.
    pub last_accessed_at: String,
}

/// Answer of `GET /sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionList {
    /// The sessions that the caller may see.
    pub sessions: Vec<SessionInfo>,
}

/// Answer of `GET /health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `ok`.
    pub status: String,
    /// The server's version.
    pub version: String,
}

/// Body of an answer that reports an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What happened and what to do, for people.
    pub error: String,
    /// The [code](crate::ErrorCode), for programs. Servers of version 0.20 send none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    fn an_error_of_an_older_server_has_no_code() {
        let body: ErrorBody = from_value(json!({"error": "x"})).unwrap();
        assert_eq!(body.code, None);
        assert_eq!(to_value(body).unwrap(), json!({"error": "x"}));
    }
}
