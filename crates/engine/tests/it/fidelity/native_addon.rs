//! A native module for Node's ABI. The test program compiles it separately and without any library, so that every
//! image can load it.
#![no_std]

use core::{
    ffi::{c_char, c_void},
    panic::PanicInfo,
};

type Handle = *mut c_void;

unsafe extern "C" {
    fn napi_create_int32(env: Handle, value: i32, result: *mut Handle) -> i32;
    fn napi_set_named_property(
        env: Handle,
        object: Handle,
        name: *const c_char,
        value: Handle,
    ) -> i32;
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    loop {}
}

#[unsafe(no_mangle)]
extern "C" fn napi_register_module_v1(env: Handle, exports: Handle) -> Handle {
    let mut value = core::ptr::null_mut();
    // SAFETY: the handles are those that the runtime calls this with, in the scope of its call.
    unsafe {
        napi_create_int32(env, 42, &raw mut value);
        napi_set_named_property(env, exports, c"answer".as_ptr(), value);
    }
    exports
}
