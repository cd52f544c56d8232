//! Tells other systems what a server does.
