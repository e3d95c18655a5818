package import CMillraceABI

/// One handler that a plugin offers, checked for completeness.
// @unchecked Sendable: the descriptor is the plugin's constant memory, valid for ever (millrace_abi.h).
package struct HandlerEntry: @unchecked Sendable {
    package let name: String
    package let isAsync: Bool
    /// Gets its deliveries through `begin_batch`, which is there.
    package let isBatch: Bool
    package let descriptor: UnsafePointer<millrace_handler>
}
