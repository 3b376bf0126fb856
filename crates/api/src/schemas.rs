//! Schemas for `OpenAPI` that cannot be derived, because their types are read and written by hand.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, OneOfBuilder, RefOr, Schema, Type},
};

use crate::{ErrorCode, request::FileContent};

impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Self::ALL.map(Self::as_str)))
            .description(Some("What kind of error it is."))
            .into()
    }
}

impl ToSchema for ErrorCode {}

impl PartialSchema for FileContent {
    fn schema() -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let byte = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0))
            .maximum(Some(255));
        let wrapped = |kind: &str, data: RefOr<Schema>| {
            ObjectBuilder::new()
                .property("type", text().enum_values(Some([kind])))
                .property("data", data)
                .required("type")
                .required("data")
        };
        let in_base64 = wrapped("base64", text().content_encoding("base64").into());
        let buffer = wrapped("Buffer", ArrayBuilder::new().items(byte).into());
        OneOfBuilder::new()
            .item(text().description(Some("Text.")))
            .item(in_base64.description(Some("Bytes in base64.")))
            .item(buffer.description(Some(
                "Bytes, as `JSON.stringify` writes a `Buffer` of Node.js.",
            )))
            .description(Some("Contents of a file."))
            .into()
    }
}

impl ToSchema for FileContent {}
