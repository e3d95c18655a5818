public import CMillraceABI

// @unchecked Sendable: the memory behind the pointer is written once, in init, and never freed.
/// A plugin: its name and its handlers, as the descriptor that the supervisor reads.
///
///     let plugin = MillracePlugin(name: "examples", [
///         .sync("examples.order", OrderHandler.self),
///         .async("examples.checksum", ChecksumHandler.self),
///         .batch("examples.ledger", LedgerHandler.self),
///     ])
///
///     @c(millrace_plugin)
///     public func millracePlugin() -> PluginDescriptor { plugin.descriptor }
public struct MillracePlugin: @unchecked Sendable {
    /// What `millrace_plugin` returns.
    public let descriptor: PluginDescriptor

    /// Lays the descriptor out, for the life of the process.
    ///
    /// - Parameters:
    ///   - name: For messages to people.
    ///   - handlers: Each with its full name, as jobs.yaml says it.
    public init(name: String, _ handlers: [HandlerDefinition]) {
        let pointers = UnsafeMutablePointer<UnsafePointer<millrace_handler>?>.allocate(capacity: max(handlers.count, 1))
        for (index, handler) in handlers.enumerated() { pointers[index] = handler.allocate() }
        let descriptor = UnsafeMutablePointer<millrace_plugin_descriptor>.allocate(capacity: 1)
        descriptor.initialize(
            to: millrace_plugin_descriptor(
                size: MemoryLayout<millrace_plugin_descriptor>.size,
                abi_version: UInt32(MILLRACE_ABI_VERSION),
                name: name.allocatedForEver,
                built_with: Self.compiler.allocatedForEver,
                handler_count: handlers.count,
                handlers: UnsafePointer(pointers)
            )
        )
        self.descriptor = UnsafePointer(descriptor)
    }

    private static var compiler: String {
        #if compiler(>=6.3)
            "Swift 6.3 or later"
        #else
            "Swift 6.2"
        #endif
    }
}

/// What a plugin's one symbol, `millrace_plugin`, returns.
public typealias PluginDescriptor = UnsafePointer<millrace_plugin_descriptor>

/// One handler of a plugin: its full name and its type.
public struct HandlerDefinition: Sendable {
    private let name: String
    private let flags: UInt32
    private let make: @Sendable (HandlerOptions, UnsafePointer<millrace_host>, OpaquePointer?) throws -> HandlerBox

    /// A handler that never waits.
    ///
    /// - Parameters:
    ///   - name: `plugin.handler`, as jobs.yaml says it.
    ///   - type: Made once per worker thread.
    /// - Returns: The definition, for ``MillracePlugin/init(name:_:)``.
    public static func sync<H: SyncJobHandler>(_ name: String, _ type: H.Type) -> HandlerDefinition {
        HandlerDefinition(name: name, flags: 0) { options, host, worker in
            SyncHandlerBox(try H(options), host: host, worker: worker)
        }
    }

    /// A handler that may wait.
    public static func async<H: JobHandler>(_ name: String, _ type: H.Type) -> HandlerDefinition {
        HandlerDefinition(name: name, flags: UInt32(MILLRACE_HANDLER_ASYNC)) { options, host, worker in
            AsyncHandlerBox(try H(options), host: host, worker: worker)
        }
    }

    init(
        name: String,
        flags: UInt32,
        make: @escaping @Sendable (HandlerOptions, UnsafePointer<millrace_host>, OpaquePointer?) throws -> HandlerBox
    ) {
        self.name = name
        self.flags = flags
        self.make = make
    }

    private final class Context: Sendable {
        let make: @Sendable (HandlerOptions, UnsafePointer<millrace_host>, OpaquePointer?) throws -> HandlerBox
        init(
            _ make:
                @escaping @Sendable (HandlerOptions, UnsafePointer<millrace_host>, OpaquePointer?) throws -> HandlerBox
        ) {
            self.make = make
        }
    }

    fileprivate func allocate() -> UnsafePointer<millrace_handler> {
        let handler = UnsafeMutablePointer<millrace_handler>.allocate(capacity: 1)
        handler.initialize(
            to: millrace_handler(
                size: MemoryLayout<millrace_handler>.size,
                name: self.name.allocatedForEver,
                flags: self.flags,
                context: Unmanaged.passRetained(Context(self.make)).toOpaque(),
                make: { handler, host, worker, options, instance, failure in
                    guard let handler, let host, let instance, let context = handler.pointee.context else { return 1 }
                    let make = Unmanaged<Context>.fromOpaque(context).takeUnretainedValue().make
                    do {
                        let json = Array(UnsafeBufferPointer(start: options.data, count: options.length))
                        let box = try make(try HandlerOptions(json: json), host, worker)
                        instance.pointee = Unmanaged.passRetained(box).toOpaque()
                        return 0
                    } catch {
                        "\(error)".withABI { failure?.pointee.report?(failure?.pointee.context, $0) }
                        return 1
                    }
                },
                begin: { instance, message, token in
                    guard let instance, let message, let token else { return }
                    Unmanaged<HandlerBox>.fromOpaque(instance)._withUnsafeGuaranteedRef { $0.begin(message, token) }
                },
                cancel: { instance, token in
                    guard let instance, let token else { return }
                    Unmanaged<HandlerBox>.fromOpaque(instance).takeUnretainedValue().cancel(token)
                },
                drop: { instance in
                    guard let instance else { return }
                    Unmanaged<HandlerBox>.fromOpaque(instance).release()
                },
                begin_batch: self.flags & UInt32(MILLRACE_HANDLER_BATCH) == 0 ? nil : HandlerBox.beginBatch
            )
        )
        return UnsafePointer(handler)
    }
}

extension String {
    /// A C string that is never freed: descriptors live as long as the process.
    fileprivate var allocatedForEver: UnsafePointer<CChar> {
        let octets = self.utf8CString
        let memory = UnsafeMutablePointer<CChar>.allocate(capacity: octets.count)
        for (index, octet) in octets.enumerated() { memory[index] = octet }
        return UnsafePointer(memory)
    }
}
