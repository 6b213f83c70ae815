/**
 * The imports of guest ABI `tasker-core/1`: the only declarations of host functions in the SDK. The compiler drops
 * those a handler never reaches, so the import list of a module says what it can do. See `docs/abi.md`.
 */

@external("tasker", "input_len")
export declare function input_len(): i32;

@external("tasker", "input_read")
export declare function input_read(target: usize): void;

@external("tasker", "config_len")
export declare function config_len(): i32;

@external("tasker", "config_read")
export declare function config_read(target: usize): void;

@external("tasker", "step_len")
export declare function step_len(): i32;

@external("tasker", "step_read")
export declare function step_read(target: usize): void;

@external("tasker", "checkpoint")
export declare function checkpoint(start: usize, length: i32): void;

@external("tasker", "wait")
export declare function wait(start: usize, length: i32): void;

@external("tasker", "output_write")
export declare function output_write(start: usize, length: i32): void;

@external("tasker", "fail")
export declare function fail(start: usize, length: i32): void;

@external("tasker", "result_len")
export declare function result_len(): i32;

@external("tasker", "result_read")
export declare function result_read(target: usize): void;

@external("tasker", "log")
export declare function log(level: i32, start: usize, length: i32): void;

@external("tasker", "get_time")
export declare function get_time(): f64;

@external("tasker", "secret_read")
export declare function secret_read(start: usize, length: i32): i32;

@external("tasker", "random_bytes")
export declare function random_bytes(target: usize, length: i32): void;

@external("tasker", "regex_match")
export declare function regex_match(start: usize, length: i32): i32;

@external("tasker", "cache_get")
export declare function cache_get(start: usize, length: i32): i32;

@external("tasker", "cache_put")
export declare function cache_put(start: usize, length: i32): i32;

@external("tasker", "http_request")
export declare function http_request(start: usize, length: i32): i32;
