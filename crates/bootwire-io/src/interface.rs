//! Interfaces by index.

/// The MTU of an interface in bytes.
pub fn interface_mtu(index: u32) -> Option<u32> {
    let _ = index;
    todo!()
}

/// The name of an interface.
pub fn interface_name(index: u32) -> Option<String> {
    let _ = index;
    todo!()
}
