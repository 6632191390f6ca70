//! Why an operator's request is not granted.

use super::fault::Fault;
use super::id::Revision;
use super::object::{Object, ObjectRef};

/// The kind of a refusal; a front end maps it to its own status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The request cannot be meant as it stands.
    Invalid,
    /// The key may not do this.
    Forbidden,
    /// What is named does not exist, or belongs to somebody else.
    NotFound,
    /// It cannot be done to what exists.
    Conflict,
    /// The state is another one than the request expects.
    Precondition,
    /// An id in the path is malformed.
    Malformed,
}

/// A field of a request and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// Path of the field, e.g. `arms[2].weight`.
    pub field: String,
    /// What is wrong, and what was expected.
    pub message: String,
}

/// A request that was understood and not granted; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The kind.
    pub kind: RefusalKind,
    /// A stable code in upper snake case.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
    /// The fields at fault, if it is about fields.
    pub fields: Vec<FieldFault>,
    /// The places in files at fault, if it is about files.
    pub faults: Vec<Fault>,
    /// What the files have, where that is why.
    pub managed: Option<Box<ObjectRef>>,
}

impl Refusal {
    /// A refusal without fields.
    pub fn new(kind: RefusalKind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code, message: message.into(), fields: Vec::new(), faults: Vec::new(), managed: None }
    }

    /// One field of a request is wrong.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::fields(vec![FieldFault { field: field.into(), message: message.into() }])
    }

    /// Several fields of a request are wrong.
    #[must_use]
    pub fn fields(fields: Vec<FieldFault>) -> Self {
        let message = fields
            .iter()
            .map(|fault| format!("{}: {}", fault.field, fault.message))
            .collect::<Vec<_>>()
            .join("; ");
        Self { fields, ..Self::new(RefusalKind::Invalid, "VALIDATION_FAILED", message) }
    }

    /// Files are wrong; the message counts the faults.
    #[must_use]
    pub fn files(faults: Vec<Fault>) -> Self {
        let message = match faults.as_slice() {
            [fault] => fault.to_string(),
            faults => format!("the files have {} faults", faults.len()),
        };
        Self { faults, ..Self::new(RefusalKind::Invalid, "FILES_FAULTY", message) }
    }

    /// The same of one of several changes, which is named by its place among them.
    #[must_use]
    pub fn of_change(mut self, index: usize) -> Self {
        let change = format!("changes[{index}]");
        if self.fields.is_empty() {
            self.fields = vec![FieldFault { field: change.clone(), message: self.message.clone() }];
            self.message = format!("{change}: {}", self.message);
            return self;
        }
        let within =
            |fault: FieldFault| FieldFault { field: format!("{change}.body.{}", fault.field), ..fault };
        let fields = self.fields.into_iter().map(within).collect();
        let Self { kind, code, faults, managed, .. } = self;
        Self { kind, code, faults, managed, ..Self::fields(fields) }
    }

    /// What is named does not exist.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(RefusalKind::NotFound, code, message)
    }

    /// The key sees only some agents, and this is about others; which ones, it does not tell.
    #[must_use]
    pub fn hidden() -> Self {
        let message = "this is about an agent that the key may not see";
        Self::new(RefusalKind::Forbidden, "USER_ACCESS_FORBIDDEN", message)
    }

    /// The object, called `what`, belongs to the files.
    #[must_use]
    pub fn managed_by_files(what: &str, id: ObjectRef) -> Self {
        let files = if matches!(id.object, Object::Agent(_)) { "agent" } else { "route" };
        let message = format!(
            "{what} belongs to the {files} files: change it there, or take it out of them by `cordboard adopt` first"
        );
        let managed = Some(Box::new(id));
        Self { managed, ..Self::new(RefusalKind::Conflict, "MANAGED_BY_FILES", message) }
    }

    /// The request is meant for another revision than the present one.
    #[must_use]
    pub fn stale(present: Revision, expected: Revision) -> Self {
        let message =
            format!("is {expected}, but the revision is {present}: plan again and look at what it says now");
        let fields = Self::field("expectedRevision", message);
        Self { kind: RefusalKind::Precondition, code: "PRECONDITION_FAILED", ..fields }
    }

    /// The same with where in the files the object stands.
    #[must_use]
    pub fn standing_at(mut self, place: &str) -> Self {
        self.message.push_str(&format!("; it stands in {place}"));
        self
    }
}
