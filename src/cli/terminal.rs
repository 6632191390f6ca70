//! Where a command writes, and whom it can ask.

use std::fmt;
use std::io::{self, BufRead, BufWriter, IsTerminal as _, Write};

use super::failure::Failure;
use super::table::{Look, columns};
use super::variables::Variables;

/// Standard input, output and error, or what stands for them.
pub struct Terminal<'a> {
    /// Where answers to questions and bodies come from.
    pub input: &'a mut dyn BufRead,
    /// Where results go.
    pub out: &'a mut dyn Write,
    /// Where everything else goes: errors, warnings, questions.
    pub err: &'a mut dyn Write,
    /// Whether there is somebody to ask.
    pub interactive: bool,
    /// Whether results are wanted as JSON, failures too.
    pub json: bool,
    /// The command that opens a file for somebody to edit.
    pub editor: String,
    /// How results look.
    pub look: Look,
    /// How what is beside them looks.
    pub remarks: Look,
}

impl Terminal<'_> {
    /// Gives the terminal of this process. Colours need a terminal, and that `NO_COLOR` is not set.
    pub(super) fn of_process<T>(variables: &Variables, act: impl FnOnce(&mut Terminal<'_>) -> T) -> T {
        let look = |tty| Look {
            tty,
            colours: tty && variables.get("NO_COLOR").is_none(),
            columns: if tty { columns() } else { 0 },
        };
        let (look, remarks) = (look(io::stdout().is_terminal()), look(io::stderr().is_terminal()));
        let interactive = io::stdin().is_terminal() && remarks.tty;
        let mut input = io::stdin().lock();
        let mut out = BufWriter::new(io::stdout().lock());
        let mut err = io::stderr().lock();
        act(&mut Terminal {
            input: &mut input,
            out: &mut out,
            err: &mut err,
            interactive,
            json: false,
            editor: variables.editor().to_owned(),
            look,
            remarks,
        })
    }

    /// Writes a result.
    pub(super) fn say(&mut self, text: &str) -> Result<(), Failure> {
        self.out.write_all(text.as_bytes()).map_err(Failure::Output)
    }

    /// Writes a line beside the result.
    pub(super) fn remark(&mut self, line: impl fmt::Display) {
        // Standard error is the last place there is to tell of it.
        let _ = writeln!(self.err, "{line}");
    }

    /// Asks a question that only a yes answers with yes.
    pub(super) fn ask(&mut self, question: &str) -> Result<bool, Failure> {
        self.flush()?;
        write!(self.err, "{question} [y/N] ").and_then(|()| self.err.flush()).map_err(Failure::Output)?;
        let mut answer = String::new();
        self.input.read_line(&mut answer).map_err(Failure::Output)?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// Asks a question until one of these letters is the answer, or a word that begins with it; nothing where there is no
    /// more to read.
    pub(super) fn choose(&mut self, question: &str, among: &str) -> Result<Option<char>, Failure> {
        self.flush()?;
        let letters: Vec<String> = among.chars().map(String::from).collect();
        loop {
            let asked = write!(self.err, "{question} [{}] ", letters.join("/"));
            asked.and_then(|()| self.err.flush()).map_err(Failure::Output)?;
            let mut answer = String::new();
            if self.input.read_line(&mut answer).map_err(Failure::Output)? == 0 {
                return Ok(None);
            }
            let letter = answer.trim().chars().next().map(|letter| letter.to_ascii_lowercase());
            if letter.is_some_and(|letter| among.contains(letter)) {
                return Ok(letter);
            }
        }
    }

    /// Goes on where somebody agrees to what is about to be done.
    ///
    /// # Errors
    /// They do not, or there is nobody to ask.
    pub(super) fn agree(&mut self, doing: &str) -> Result<(), Failure> {
        if !self.interactive {
            return Err(Failure::Usage(format!("{doing}: say --yes, or run it on a terminal to be asked")));
        }
        if self.ask(&format!("{doing}. Go on?"))? { Ok(()) } else { Err(Failure::Declined) }
    }

    /// Sees to it that everything was written.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::Output)
    }
}

impl fmt::Debug for Terminal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { interactive, look, .. } = self;
        f.debug_struct("Terminal")
            .field("interactive", interactive)
            .field("look", look)
            .finish_non_exhaustive()
    }
}
