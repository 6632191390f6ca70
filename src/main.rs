//! The `cordboard` binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
fn main() {
    let sources = cordboard::settings::Sources { flags: Default::default(), variables: cordboard::settings::Variables::of_process() };
    if let Err(why) = cordboard::app::serve(&sources, &mut std::io::stdout()) {
        eprintln!("error: {why}"); for f in why.faults() { eprintln!("  {f}"); }
    }
}
