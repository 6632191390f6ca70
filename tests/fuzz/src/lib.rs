//! What every target is: bytes that a law of the router must hold of.

pub mod peer;

#[doc(hidden)]
pub use cordboard::fuzzing::{Law, law};
#[doc(hidden)]
pub use libfuzzer_sys::fuzz_target;

/// Makes this file the target of a law, by its name.
///
/// The law is made once: some stand on a whole router.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        thread_local! {
            static LAW: $crate::Law = $crate::law(stringify!($name)).expect("a law of this name");
        }
        $crate::fuzz_target!(|bytes: &[u8]| LAW.with(|law| law(bytes)));
    };
}
