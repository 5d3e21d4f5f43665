#![cfg_attr(fuzzing, no_main)]

epochal_fuzz::target!(bulk);
