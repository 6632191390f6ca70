pub mod slots;
