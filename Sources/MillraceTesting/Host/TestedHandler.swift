import CMillraceABI
import MillraceHandler

// @unchecked Sendable: a descriptor is valid for ever and never changes (millrace_abi.h).
/// A plugin's handler, found and looked at as the supervisor does.
struct TestedHandler: @unchecked Sendable {
    let descriptor: UnsafePointer<millrace_handler>
    let name: String
    var isAsync: Bool { self.descriptor.pointee.flags & UInt32(MILLRACE_HANDLER_ASYNC) != 0 }
    var isBatch: Bool { self.descriptor.pointee.flags & UInt32(MILLRACE_HANDLER_BATCH) != 0 }

    /// Finds the handler of that name; of nil, the first.
    init(_ name: String?, of plugin: PluginDescriptor) throws(JobTesterError) {
        let version = plugin.pointee.abi_version
        guard version == UInt32(MILLRACE_ABI_VERSION) else {
            throw JobTesterError(.malformedPlugin("it was built for plugin ABI \(version), this kit has ABI 1"))
        }
        guard let pluginName = plugin.pointee.name else { throw JobTesterError(.malformedPlugin("it has no name")) }
        var offered: [String] = []
        for index in 0..<plugin.pointee.handler_count {
            guard let handler = plugin.pointee.handlers?[index], let known = handler.pointee.name else {
                throw JobTesterError(.malformedPlugin("handler \(index) is NULL, or has no name"))
            }
            let text = String(cString: known)
            offered.append(text)
            guard name == nil || name == text else { continue }
            guard handler.pointee.make != nil, handler.pointee.begin != nil, handler.pointee.drop != nil else {
                throw JobTesterError(.malformedPlugin("handler '\(text)' lacks make, begin or drop"))
            }
            self.descriptor = handler
            self.name = text
            guard !self.isBatch || handler.pointee.begin_batch != nil else {
                throw JobTesterError(.malformedPlugin("handler '\(text)' lacks begin_batch"))
            }
            return
        }
        throw JobTesterError(
            .unknownHandler(name ?? "", plugin: String(cString: pluginName), offered: offered.sorted())
        )
    }

    /// Makes an instance.
    func make(
        for worker: TestWorker,
        options: [UInt8]
    ) throws(JobTesterError) -> UnsafeMutableRawPointer? {
        final class Reason { var text = "the handler gave no reason" }
        let reason = Reason()
        var instance: UnsafeMutableRawPointer?
        var failure = millrace_failure(
            context: Unmanaged.passUnretained(reason).toOpaque(),
            report: { context, text in
                guard let context else { return }
                Unmanaged<Reason>.fromOpaque(context).takeUnretainedValue().text = text.text
            }
        )
        let lent = LentOctets(options)
        let code = self.descriptor.pointee.make(
            self.descriptor,
            TestHost.table,
            worker.pointer,
            lent.abi,
            &instance,
            &failure
        )
        lent.spoil()
        guard code == 0 else { throw JobTesterError(.doesNotStart(handler: self.name, reason: reason.text)) }
        return instance
    }
}
