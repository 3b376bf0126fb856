//! What holds for all endpoints.

use isol8_api::{event::StreamMessage, http::ErrorBody, websocket::ClientMessage};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        HeaderBuilder, ObjectBuilder, RefOr, Response, Schema, Type,
        path::{Operation, PathItem},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

/// The header of the id of a request.
const REQUEST_ID: &str = "x-request-id";

/// The parts of the description that no handler has.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "isol8 server",
        description = "Runs untrusted programs in sandboxes. Every error is JSON with `error` for people and `code` for programs. \
            docs/errors.md lists the codes.",
    ),
    security(("key" = [])),
    components(schemas(ClientMessage, ErrorBody, StreamMessage)),
    tags(
        (name = "executions", description = "Programs, their events, and the queue in front of them."),
        (name = "sessions", description = "Sandboxes that last from one program to the next, and their files."),
        (name = "keys", description = "The keys of tenants. They need the master key and a key database."),
        (name = "operations", description = "For whoever runs the server."),
    ),
    modifiers(&Key),
)]
pub(crate) struct Document;

/// The whole description as JSON, as the router hands it to its handler.
#[derive(Clone, Copy)]
pub(crate) struct Description(pub(crate) &'static str);

/// The key in the header `Authorization`.
struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "The master key of the server, or a key of a tenant from its database.",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(scheme));
    }
}

impl Document {
    /// The whole description, from the endpoints in `document`.
    pub(crate) fn finished(mut document: utoipa::openapi::OpenApi) -> String {
        for item in document.paths.paths.values_mut() {
            for operation in operations(item) {
                for response in operation.responses.responses.values_mut() {
                    if let RefOr::T(response) = response {
                        identify(response);
                    }
                }
            }
        }
        let components = document.components.iter_mut();
        for schema in components.flat_map(|components| components.schemas.values_mut()) {
            if let RefOr::T(Schema::Object(object)) = schema {
                for (name, property) in &mut object.properties {
                    leave_out_default(property, object.required.contains(name));
                }
            }
        }
        // Cannot fail: it has no keys but texts.
        document.to_pretty_json().unwrap_or_default() + "\n"
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.delete]
        .into_iter()
        .flatten()
}

/// What has to be there has no default. What may be left out is not `null`, as the derived schema has it.
fn leave_out_default(property: &mut RefOr<Schema>, is_required: bool) {
    let default = match property {
        RefOr::Ref(reference) => &mut reference.default,
        RefOr::T(Schema::Object(object)) => &mut object.default,
        RefOr::T(Schema::Array(array)) => &mut array.default,
        RefOr::T(Schema::OneOf(choice)) => &mut choice.default,
        RefOr::T(_) => return,
    };
    default.take_if(|default| is_required || default.is_null());
}

/// Every answer has an id.
fn identify(response: &mut Response) {
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    let header = HeaderBuilder::new()
        .schema(Some(text))
        .description(Some("The id of the request in the server's log."))
        .build();
    response
        .headers
        .insert(REQUEST_ID.to_owned(), header.into());
}
