//! TLS hellos made by hand, so that each can be wrong in one way.

/// A hello's handshake message with these extensions, already encoded.
pub(crate) fn message(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend([0, 2, 0x13, 1]);
    body.extend([1, 0]);
    let mut encoded = Vec::new();
    for (kind, data) in extensions {
        encoded.extend(kind.to_be_bytes());
        encoded.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        encoded.extend(data);
    }
    body.extend(u16::try_from(encoded.len()).unwrap().to_be_bytes());
    body.extend(encoded);
    let mut message = vec![1];
    message.extend(&u32::try_from(body.len()).unwrap().to_be_bytes()[1..]);
    message.extend(body);
    message
}

/// The server name extension's data for these (type, name) entries.
pub(crate) fn names(entries: &[(u8, &[u8])]) -> Vec<u8> {
    let mut list = Vec::new();
    for (kind, name) in entries {
        list.push(*kind);
        list.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
        list.extend(*name);
    }
    let mut data = u16::try_from(list.len()).unwrap().to_be_bytes().to_vec();
    data.extend(list);
    data
}

/// `message` in records of at most `size` bytes.
pub(crate) fn records(message: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for fragment in message.chunks(size) {
        bytes.extend([22, 3, 1]);
        bytes.extend(u16::try_from(fragment.len()).unwrap().to_be_bytes());
        bytes.extend(fragment);
    }
    bytes
}

/// A whole hello for `name`, in one record.
pub(crate) fn hello(name: Option<&str>) -> Vec<u8> {
    // Supported groups and versions, as in real hellos.
    let mut extensions = vec![(10, vec![0, 2, 0, 29]), (43, vec![2, 3, 4])];
    if let Some(name) = name {
        extensions.insert(0, (0, names(&[(0, name.as_bytes())])));
    }
    records(&message(&extensions), 1 << 14)
}
