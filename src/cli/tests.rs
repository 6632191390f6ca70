//! The laws of the command line, against a router that is made up.

#[test]
fn show() {
    use clap::CommandFactory as _;
    let mut grammar = super::Cli::<crate::settings::Flags>::command();
    grammar.build();
    println!("{}", grammar.render_long_help());
    for name in ["explain", "numbers", "serve","api"] {
        let sub = grammar.find_subcommand_mut(name).unwrap();
        println!("=====\n{}", sub.render_long_help());
    }
    let sub = grammar.find_subcommand_mut("numbers").unwrap().find_subcommand_mut("put").unwrap();
    println!("=====\n{}", sub.render_long_help());
    println!("=====\n{}", sub.render_help());
}
