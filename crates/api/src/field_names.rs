//! The names of the fields of a type, as its JSON has them.

use serde::{
    Deserialize, Deserializer,
    de::{Visitor, value::Error},
    forward_to_deserialize_any,
};

/// The names of the fields of a struct that derives `Deserialize`; none for every other type.
#[must_use]
pub fn field_names<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // It always ends with an error: there is nothing to read.
    let _ = T::deserialize(Names(&mut names));
    names
}

/// Keeps the names that a struct asks for.
struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("there is nothing to read"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::RawStartOptions;

    #[test]
    fn the_names_are_those_of_the_json() {
        assert_eq!(field_names::<RawStartOptions>(), ["prewarm", "strict"]);
        assert!(field_names::<crate::request::ExecutionRequest>().contains(&"codeUrl"));
        assert!(field_names::<String>().is_empty());
    }
}
