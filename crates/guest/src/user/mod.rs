//! The user of the code that runs in this sandbox: [`USER_ID`], or one that no other sandbox has.

pub(crate) mod capabilities;
pub(crate) mod filter;
pub(crate) mod rights;

use std::{fs, io, sync::OnceLock};

use isol8_protocol::{USER_ARGUMENT, USER_ID};

/// Which ids this sandbox can have. See `user_namespaces(7)`.
const ID_MAP: &str = "/proc/self/uid_map";

static OWN: OnceLock<u32> = OnceLock::new();

/// The id of the user.
pub(crate) fn id() -> u32 {
    OWN.get().copied().unwrap_or(USER_ID)
}

/// The owner that an entry of the image gets in this sandbox: what belongs to [`USER_ID`] there is the user's.
pub(crate) fn owner_of_copy(owner: u32) -> u32 {
    if owner == USER_ID { id() } else { owner }
}

/// Takes the id from the guest's `arguments`, if one is there. To be called once, before any child starts.
pub(crate) fn choose(mut arguments: impl Iterator<Item = String>) -> io::Result<()> {
    let Some(text) = arguments.find_map(|word| Some(word.strip_prefix(USER_ARGUMENT)?.to_owned()))
    else {
        return Ok(());
    };
    let refused =
        |why| io::Error::other(format!("the sandbox cannot have the user {text:?}: {why}"));
    let id = text.parse().map_err(|_| refused("this is no id"))?;
    if id == 0 || !is_mapped(&fs::read_to_string(ID_MAP)?, id) {
        return Err(refused("it has no such id"));
    }
    OWN.set(id).map_err(|_| refused("it has one already"))
}

/// Whether `id` is in the text of [`ID_MAP`].
fn is_mapped(map: &str, id: u32) -> bool {
    map.lines().any(|line| {
        let mut fields = line.split_ascii_whitespace().map(str::parse::<u32>);
        let (Some(Ok(first)), Some(Ok(_)), Some(Ok(count))) =
            (fields.next(), fields.next(), fields.next())
        else {
            return false;
        };
        id.checked_sub(first).is_some_and(|offset| offset < count)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_of_the_sandbox() {
        let whole = "         0          0 4294967295\n";
        assert!(is_mapped(whole, 2_000_000));
        let remapped = "         0     100000      65536\n     70000     300000          1\n";
        for (id, mapped) in [
            (0, true),
            (65_535, true),
            (65_536, false),
            (70_000, true),
            (70_001, false),
        ] {
            assert_eq!(is_mapped(remapped, id), mapped, "{id}");
        }
        assert!(!is_mapped("", 1));
    }

    #[test]
    fn an_argument_that_is_no_usable_id_is_refused() {
        for text in ["user=", "user=x", "user=-1", "user=0", "user=4294967295"] {
            let chosen = choose(["strict".to_owned(), text.to_owned()].into_iter());
            assert!(chosen.is_err(), "{text}");
        }
        choose(["strict".to_owned()].into_iter()).unwrap();
        assert_eq!(id(), USER_ID);
    }
}
