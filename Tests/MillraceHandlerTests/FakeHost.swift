import CMillraceABI
import MillraceHandler

/// A host of one worker: the ABI's functions, recording.
///
/// Its thread is whichever drains `steps`.
final class FakeHost {
    struct Line: Equatable {
        let level: UInt32
        let text: String
        let hasToken: Bool
    }

    struct Metric: Equatable {
        let name: String
        let kind: UInt32
        let value: Double
    }

    let steps = StepQueue()
    let jobName: String
    var lines: [Line] = []
    var metrics: [Metric] = []
    var holds: [(time: UInt64, reason: String)] = []
    /// What the plugin has told; nil if nothing.
    var optionsRead: [String]?
    private let jobNameOctets: UnsafeMutableBufferPointer<UInt8>

    init(jobName: String = "job") {
        self.jobName = jobName
        self.jobNameOctets = .allocate(capacity: jobName.utf8.count)
        _ = self.jobNameOctets.initialize(from: jobName.utf8)
    }

    deinit { self.jobNameOctets.deallocate() }

    /// The worker's pointer; valid as long as the object.
    var pointer: OpaquePointer { OpaquePointer(Unmanaged.passUnretained(self).toOpaque()) }

    private static func at(_ pointer: OpaquePointer?) -> FakeHost? {
        pointer.map { Unmanaged<FakeHost>.fromOpaque(UnsafeRawPointer($0)).takeUnretainedValue() }
    }

    // nonisolated(unsafe): written here, once, and never changed.
    nonisolated(unsafe) static let table: UnsafePointer<millrace_host> = {
        let table = UnsafeMutablePointer<millrace_host>.allocate(capacity: 1)
        table.initialize(
            to: millrace_host(
                size: MemoryLayout<millrace_host>.size,
                abi_version: UInt32(MILLRACE_ABI_VERSION),
                complete: { token, outcome in
                    if let outcome { FakeToken.at(token)?.complete(outcome.pointee) }
                },
                schedule: { worker, function, argument in
                    if let function { FakeHost.at(worker)?.steps.add(function, argument) }
                },
                publish: { token, publication in
                    guard let token = FakeToken.at(token), let publication else { return 2 }
                    return token.publish(publication.pointee)
                },
                property: { token, which, out in
                    guard let token = FakeToken.at(token), let out else { return }
                    token.answer(token.properties[which], &out.pointee)
                },
                header: { token, key, out in
                    guard let token = FakeToken.at(token), let out else { return }
                    token.answer(token.headers[text(key)], &out.pointee)
                },
                log: { worker, token, level, line in
                    FakeHost.at(worker)?.lines.append(Line(level: level, text: text(line), hasToken: token != nil))
                },
                metric: { worker, name, kind, value in
                    FakeHost.at(worker)?.metrics.append(Metric(name: text(name), kind: kind, value: value))
                },
                is_cancelled: { token in FakeToken.at(token)?.isCancelled == true ? 1 : 0 },
                job_name: { worker in
                    guard let octets = FakeHost.at(worker)?.jobNameOctets else { return millrace_bytes() }
                    return millrace_bytes(data: UnsafePointer(octets.baseAddress), length: octets.count)
                },
                options_read: { worker, paths, count in
                    FakeHost.at(worker)?.optionsRead = UnsafeBufferPointer(start: paths, count: count).map { text($0) }
                },
                headers: { token, visit, context in
                    guard let token = FakeToken.at(token), let visit else { return }
                    for key in token.headers.keys.sorted() {
                        var value = millrace_value()
                        value.size = MemoryLayout<millrace_value>.size
                        token.answer(token.headers[key], &value)
                        Array(key.utf8).withUnsafeBufferPointer {
                            visit(context, millrace_bytes(data: $0.baseAddress, length: $0.count), &value)
                        }
                    }
                },
                hold_job: { worker, time, reason in
                    FakeHost.at(worker)?.holds.append((time, text(reason)))
                    return 0
                }
            )
        )
        return UnsafePointer(table)
    }()

    /// The table of a host that was built when the ABI was smaller: what came later is not there.
    nonisolated(unsafe) static let firstTable: UnsafePointer<millrace_host> = {  // as above
        let size = MemoryLayout<millrace_host>.offset(of: \.options_read) ?? 0
        let memory = UnsafeMutableRawPointer.allocate(byteCount: MemoryLayout<millrace_host>.size, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0xEE, count: MemoryLayout<millrace_host>.size)
        memory.copyMemory(from: FakeHost.table, byteCount: size)
        memory.storeBytes(of: size, as: Int.self)
        return UnsafePointer(memory.assumingMemoryBound(to: millrace_host.self))
    }()

    /// Makes an instance of a plugin's handler.
    ///
    /// - Throws: ``Refusal`` with the text that the plugin reported.
    func make(
        _ plugin: MillracePlugin,
        _ index: Int = 0,
        options: String = "{}",
        table: UnsafePointer<millrace_host> = FakeHost.table
    ) throws(Refusal) -> FakeInstance {
        guard let handler = plugin.descriptor.pointee.handlers[index] else {
            throw Refusal(text: "no handler", code: 0)
        }
        var instance: UnsafeMutableRawPointer?
        let reported = Reported()
        var octets = Array(options.utf8)
        let code = octets.withUnsafeMutableBufferPointer { octets in
            var failure = millrace_failure(context: Unmanaged.passUnretained(reported).toOpaque()) { context, reason in
                guard let context else { return }
                Unmanaged<Reported>.fromOpaque(context).takeUnretainedValue().texts.append(text(reason))
            }
            let lent = millrace_bytes(data: UnsafePointer(octets.baseAddress), length: octets.count)
            return handler.pointee.make(handler, table, self.pointer, lent, &instance, &failure)
        }
        withExtendedLifetime(reported) {}
        guard code == 0 else { throw Refusal(text: reported.texts.joined(separator: "|"), code: code) }
        return FakeInstance(host: self, handler: handler, instance: instance)
    }

    struct Refusal: Error, Equatable {
        let text: String
        let code: Int32
    }

    private final class Reported { var texts: [String] = [] }
}

/// One instance of a handler; dropped with this object.
final class FakeInstance {
    let host: FakeHost
    private let handler: UnsafePointer<millrace_handler>
    private let instance: UnsafeMutableRawPointer?

    init(host: FakeHost, handler: UnsafePointer<millrace_handler>, instance: UnsafeMutableRawPointer?) {
        self.host = host
        self.handler = handler
        self.instance = instance
    }

    func begin(_ token: FakeToken) {
        // As the ABI allows: the message's memory is the host's until `complete`, also for an async handler.
        var message = token.message
        self.handler.pointee.begin(self.instance, &message, token.pointer)
    }

    func beginBatch(_ tokens: [FakeToken]) {
        let messages = UnsafeMutablePointer<millrace_message>.allocate(capacity: tokens.count)
        defer {
            // The messages end with the call: who looks at them later shall see nonsense.
            messages.update(repeating: millrace_message(), count: tokens.count)
            messages.deallocate()
        }
        for (index, token) in tokens.enumerated() { (messages + index).initialize(to: token.message) }
        let pointers = tokens.indices.map { Optional(UnsafePointer(messages + $0)) }
        let lent = tokens.map { Optional($0.pointer) }
        self.handler.pointee.begin_batch(self.instance, pointers, lent, tokens.count)
    }

    func cancel(_ token: FakeToken) {
        token.isCancelled = true
        self.handler.pointee.cancel(self.instance, token.pointer)
    }

    deinit { self.handler.pointee.drop(self.instance) }
}
