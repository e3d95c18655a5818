import Glibc

typealias FuzzCallback = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

// libFuzzer's own main is passed by: SwiftPM renames the main that it links.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: FuzzCallback
) -> CInt

/// libFuzzer.
enum FuzzEngine {
    /// Calls `callback` with one input after the other, until a finding or the end of its time.
    static func run(_ callback: FuzzCallback) -> Never {
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        exit(runDriver(&count, &arguments, callback))
    }
}
