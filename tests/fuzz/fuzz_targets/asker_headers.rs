//! The headers that tell who asks: keys, `Host`, `Origin`, `Forwarded`.

#![no_main]

cordboard_fuzz::target!(asker_headers);
