//! Bodies of the management API: routes, splits, their changes and ends, caller pins.

#![no_main]

cordboard_fuzz::target!(management_body);
