//! Requests of SIP, written after its grammar or any bytes, as somebody else reads them.

#![no_main]

use cordboard::fuzzing::Written;

thread_local! {
    static LAW: cordboard_fuzz::Law = cordboard_fuzz::law("sip_peer").expect("a law of this name");
}

cordboard_fuzz::fuzz_target!(|bytes: &[u8]| {
    LAW.with(|law| law(bytes));
    cordboard_fuzz::peer::agrees(&Written::of(bytes).bytes);
});
