//! What is kept of answers, for whoever asks the same thing again because the answer was lost on its way.

/// What stands for a request and who makes it: a hash, so that no key can be told from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestName(pub [u8; 32]);

/// What a request said, as far as it was read before it was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// Of the query and so many bytes of the body.
    pub hash: [u8; 32],
    /// How many bytes.
    pub bytes: u64,
    /// Whether the body ended there.
    pub whole: bool,
}

/// An answer as it went out, but for what is shown only once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// What it answers.
    pub said: Said,
    /// Its status.
    pub status: u16,
    /// The headers that matter.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct AnswerLimits {
    /// Most answers.
    pub count_max: u64,
    /// Most bytes of all bodies and headers together.
    pub bytes_max: u64,
}
