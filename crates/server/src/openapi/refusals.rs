//! Answers that are errors, by what a handler has that can cause them.

use std::collections::BTreeMap;

use isol8_api::http::ErrorBody;
use utoipa::{
    IntoResponses, ToSchema as _,
    openapi::{Content, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type},
};

type Responses = BTreeMap<String, RefOr<Response>>;

/// The statuses of a kind of refusal, each with what it means.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident { $($status:literal => $text:literal,)+ })+) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name;

            impl IntoResponses for $name {
                fn responses() -> Responses {
                    [$(($status, $text)),+].into_iter().map(refusal).collect()
                }
            }
        )+
    };
}

refusals! {
    /// An endpoint that needs a key.
    Keyed {
        401 => "There is no key.",
        403 => "The key is wrong, has ended or was revoked, or does not allow this.",
        429 => "A limit of the tenant, which the text names, or of the server is reached.",
        503 => "The server is shutting down, is drained, cannot start sandboxes, or has no memory for the request. Or the key database fails. No program has run.",
    }
    /// An endpoint with a body.
    Received {
        400 => "The body, or a value in it, is wrong by itself.",
        408 => "The body did not come in time, or the request waited too long for its turn.",
        413 => "The body is too large, or its values need too much memory.",
    }
    /// An endpoint that waits for its turn.
    Waiting {
        408 => "The request waited too long for its turn.",
    }
    /// An endpoint that sends a file.
    LargeFile {
        413 => "The file is too large for one answer.",
    }
    /// An endpoint with parameters.
    Invalid {
        400 => "A parameter is missing or wrong by itself, or the server has no key database.",
    }
    /// An endpoint of a session, a file or a key.
    NoSession {
        404 => "There is no such session, file or key.",
    }
    /// An endpoint that uses the sandbox of a session.
    Gone {
        410 => "The sandbox of the session was lost. The next call gets a new one.",
    }
    /// An endpoint at which the engine can fail.
    Failed {
        500 => "The engine failed at the request, which is not wrong by itself. Or the program was ended, or there is no memory for its result. A program may have run.",
    }
}

fn refusal((status, text): (u16, &str)) -> (String, RefOr<Response>) {
    let body = Content::new(Some(Ref::from_schema_name(ErrorBody::name())));
    let response = ResponseBuilder::new()
        .description(text)
        .content("application/json", body);
    let (header, kind, what) = match status {
        401 => ("WWW-Authenticate", Type::String, "Bearer."),
        408 | 429 | 503 => (
            "Retry-After",
            Type::Integer,
            "Seconds after which another try is worth it, where that is known.",
        ),
        _ => return (status.to_string(), response.build().into()),
    };
    let header_value = HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(kind).build()))
        .description(Some(what))
        .build();
    let response = response.header(header, header_value);
    (status.to_string(), response.build().into())
}
