import AMQPWire
import CMillraceABI

/// Why a handler gave no instance.
struct HandlerStartError: Error {
    let reason: String
}

/// A handler's functions, copied out of its descriptor for the hot path.
struct HandlerFunctions {
    typealias Begin =
        @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<millrace_message>?, OpaquePointer?) -> Void
    typealias Cancel = @convention(c) (UnsafeMutableRawPointer?, OpaquePointer?) -> Void

    typealias BeginBatch =
        @convention(c) (
            UnsafeMutableRawPointer?, UnsafePointer<UnsafePointer<millrace_message>?>?, UnsafePointer<OpaquePointer?>?,
            Int
        ) -> Void

    private let descriptor: UnsafePointer<millrace_handler>
    let begin: Begin
    let cancel: Cancel?
    /// Of a handler that takes batches.
    let beginBatch: BeginBatch?

    /// - Parameter entry: The registry has checked that `make`, `begin` and `drop` are there.
    init(_ entry: HandlerEntry) {
        self.descriptor = entry.descriptor
        self.begin = entry.descriptor.pointee.begin
        self.cancel = entry.descriptor.pointee.cancel
        self.beginBatch = entry.isBatch ? entry.descriptor.pointee.begin_batch : nil
    }

    func drop(_ instance: UnsafeMutableRawPointer?) { self.descriptor.pointee.drop(instance) }

    /// Makes the instance of one worker, on its thread.
    func makeInstance(for handle: WorkerHandle) throws(HandlerStartError) -> UnsafeMutableRawPointer? {
        final class Reason { var text = "the handler gave no reason" }
        let reason = Reason()
        var instance: UnsafeMutableRawPointer?
        var failure = millrace_failure(
            context: Unmanaged.passUnretained(reason).toOpaque(),
            report: { context, text in
                guard let context else { return }
                Unmanaged<Reason>.fromOpaque(context).takeUnretainedValue().text = String(text)
            }
        )
        let options = OptionValue.json(handle.job.with)
        let code = options.withBytes { bytes in
            self.descriptor.pointee.make(
                self.descriptor,
                HostTable.pointer,
                handle.pointer,
                millrace_bytes(bytes),
                &instance,
                &failure
            )
        }
        guard code == 0 else { throw HandlerStartError(reason: handle.job.withheld.hidden(in: reason.text)) }
        return instance
    }
}
