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
    ///   - middleware: Around every handler, the first outermost; see ``Middleware``.
    ///   - handlers: Each with its full name, as jobs.yaml says it.
    public init(name: String, middleware: [any Middleware] = [], _ handlers: [HandlerDefinition]) {
        let pointers = UnsafeMutablePointer<UnsafePointer<millrace_handler>?>.allocate(capacity: max(handlers.count, 1))
        for (index, handler) in handlers.enumerated() { pointers[index] = handler.allocate(middleware) }
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
    typealias Make =
        @Sendable (HandlerOptions, UnsafePointer<millrace_host>, OpaquePointer?) throws -> HandlerBox

    private let name: String
    /// With the middleware known, the ABI's flags, and how to make one.
    private let build: @Sendable ([any Middleware]) -> (flags: UInt32, make: Make)

    /// A handler that never waits.
    ///
    /// - Parameters:
    ///   - name: `plugin.handler`, as jobs.yaml says it.
    ///   - type: Made once per worker thread.
    /// - Returns: The definition, for ``MillracePlugin/init(name:middleware:_:)``.
    public static func sync<H: SyncJobHandler>(_ name: String, _ type: H.Type) -> HandlerDefinition {
        .sync(name, making: { try H($0) })
    }

    /// A handler that may wait.
    public static func async<H: JobHandler>(_ name: String, _ type: H.Type) -> HandlerDefinition {
        .async(name, making: { try H($0) })
    }

    /// A handler of JSON values that never waits.
    public static func sync<H: SyncTypedJobHandler>(_ name: String, _ type: H.Type) -> HandlerDefinition {
        .sync(name, making: { try H($0) })
    }

    /// A handler of JSON values that may wait.
    public static func async<H: TypedJobHandler>(_ name: String, _ type: H.Type) -> HandlerDefinition {
        .async(name, making: { try H($0) })
    }

    /// The same handler with middleware of its own, inside that of the plugin.
    ///
    ///     .sync("examples.shipment", ShipmentHandler.self).wrapped(in: [LoggingMiddleware()])
    ///
    /// - Parameter middleware: Around this handler alone, the first outermost.
    /// - Returns: The definition, for ``MillracePlugin/init(name:middleware:_:)``.
    public func wrapped(in middleware: [any Middleware]) -> HandlerDefinition {
        let build = self.build
        return HandlerDefinition(name: self.name) { build($0 + middleware) }
    }

    init(name: String, build: @escaping @Sendable ([any Middleware]) -> (flags: UInt32, make: Make)) {
        self.name = name
        self.build = build
    }

    private final class Context: Sendable {
        let make: Make
        init(_ make: @escaping Make) { self.make = make }
    }

    fileprivate func allocate(_ middleware: [any Middleware]) -> UnsafePointer<millrace_handler> {
        let (flags, make) = self.build(middleware)
        let handler = UnsafeMutablePointer<millrace_handler>.allocate(capacity: 1)
        handler.initialize(
            to: millrace_handler(
                size: MemoryLayout<millrace_handler>.size,
                name: self.name.allocatedForEver,
                flags: flags,
                context: Unmanaged.passRetained(Context(make)).toOpaque(),
                make: { handler, host, worker, options, instance, failure in
                    guard let handler, let host, let instance, let context = handler.pointee.context else { return 1 }
                    let make = Unmanaged<Context>.fromOpaque(context).takeUnretainedValue().make
                    do {
                        let json = Array(UnsafeBufferPointer(start: options.data, count: options.length))
                        var options = try HandlerOptions(json: json)
                        let box = try make(options, host, worker)
                        if let paths = options.takeReadPaths() { host.tell(worker, optionsRead: paths) }
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
                begin_batch: flags & UInt32(MILLRACE_HANDLER_BATCH) == 0 ? nil : HandlerBox.beginBatch
            )
        )
        return UnsafePointer(handler)
    }
}

extension UnsafePointer<millrace_host> {
    /// To a host that wants to know: the function came later than the others.
    fileprivate func tell(_ worker: OpaquePointer?, optionsRead paths: [String]) {
        guard let offset = MemoryLayout<millrace_host>.offset(of: \.options_read),
            self.pointee.size >= offset + MemoryLayout<UnsafeRawPointer>.size, let tell = self.pointee.options_read
        else { return }
        var octets: [UInt8] = []
        var ends: [Int] = []
        for path in paths {
            octets += path.utf8
            ends.append(octets.count)
        }
        octets.withUnsafeBufferPointer { memory in
            var start = 0
            let given = ends.map { end in
                defer { start = end }
                return millrace_bytes(data: memory.baseAddress.map { $0 + start }, length: end - start)
            }
            tell(worker, given, given.count)
        }
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
