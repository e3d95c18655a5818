package import CMillraceABI
import Glibc

/// A plugin in memory.
///
/// It is never unloaded: its handlers' code may be on a stack for as long as the process lives.
public struct Plugin: Sendable {
    /// As in the job file.
    public let path: String
    /// As the plugin calls itself.
    public let name: String
    package let handlers: [HandlerEntry]

    /// Loads a shared library and checks its descriptor.
    ///
    /// - Throws: A ``PluginError`` that says in one sentence why it can not be used.
    public init(path: String) throws(PluginError) { try self.init(path: path, anew: 0) }

    /// Loads a shared library, also one that took the place of another since that was loaded.
    ///
    /// - Parameters:
    ///   - path: As in the job file.
    ///   - time: Which time it is loaded in this process, from 0.
    /// - Throws: As ``init(path:)``.
    package init(path: String, anew time: Int) throws(PluginError) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw PluginError(.missing, path: path) }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw PluginError(.isFolder, path: path) }
        // To open a pipe would wait for its other end.
        guard status.st_mode & S_IFMT == S_IFREG else { throw PluginError(.isNoFile, path: path) }
        guard ObjectFile.isWhole(path, size: UInt64(clamping: status.st_size)) else {
            throw PluginError(.isTruncated, path: path)
        }
        // A name without '/' would be searched for in the system's folders.
        guard let library = dlopen(Self.name(path, time), RTLD_NOW | RTLD_LOCAL) else {
            throw PluginError(.doesNotLoad(dlerror().map { String(cString: $0) } ?? "no reason given"), path: path)
        }
        guard let symbol = dlsym(library, "millrace_plugin") else { throw PluginError(.lacksSymbol, path: path) }
        // The symbol's type is what the ABI says it is; there is no way to check it.
        let function = unsafeBitCast(symbol, to: millrace_plugin_function.self)
        guard let descriptor = function() else { throw PluginError(.noDescriptor, path: path) }
        try self.init(descriptor, path: path)
    }

    /// The loader takes a name that it knows for the same file, without a look, and tells files apart by what they are when
    /// the names differ: each time has a name of its own for the same place.
    private static func name(_ path: String, _ time: Int) -> String {
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { String(path[...$0]) } ?? "./"
        let file = slash.map { String(path[path.index(after: $0)...]) } ?? path
        return folder + String(repeating: "./", count: time) + file
    }

    /// Takes in a descriptor that is linked into the executable.
    package init(_ descriptor: UnsafePointer<millrace_plugin_descriptor>, path: String) throws(PluginError) {
        let version = descriptor.pointee.abi_version
        guard descriptor.pointee.size >= MemoryLayout<millrace_plugin_descriptor>.size || version != 1 else {
            throw PluginError(.malformed("it says that it has \(descriptor.pointee.size) octets"), path: path)
        }
        guard version == UInt32(MILLRACE_ABI_VERSION) else { throw PluginError(.otherVersion(version), path: path) }
        guard let name = descriptor.pointee.name else { throw PluginError(.malformed("it has no name"), path: path) }
        self.path = path
        self.name = String(cString: name)
        var handlers: [HandlerEntry] = []
        for index in 0..<descriptor.pointee.handler_count {
            guard let handler = descriptor.pointee.handlers?[index] else {
                throw PluginError(.malformed("handler \(index) is NULL"), path: path)
            }
            let entry = try Self.entry(handler, index, path)
            guard !handlers.contains(where: { $0.name == entry.name }) else {
                throw PluginError(.duplicate(entry.name), path: path)
            }
            handlers.append(entry)
        }
        self.handlers = handlers
    }

    /// What the first headers of version 1 had: all up to `begin_batch`, which came at the end.
    private static let smallestHandler =
        MemoryLayout<millrace_handler>.offset(of: \.begin_batch) ?? MemoryLayout<millrace_handler>.size

    private static func entry(
        _ handler: UnsafePointer<millrace_handler>,
        _ index: Int,
        _ path: String
    ) throws(PluginError) -> HandlerEntry {
        guard handler.pointee.size >= Self.smallestHandler else {
            throw PluginError(
                .malformed("handler \(index) says that it has \(handler.pointee.size) octets"),
                path: path
            )
        }
        guard let name = handler.pointee.name, name.pointee != 0 else {
            throw PluginError(.malformed("handler \(index) has no name"), path: path)
        }
        guard handler.pointee.make != nil, handler.pointee.begin != nil, handler.pointee.drop != nil else {
            let text = "handler '\(String(cString: name))' lacks make, begin or drop"
            throw PluginError(.malformed(text), path: path)
        }
        let isAsync = handler.pointee.flags & UInt32(MILLRACE_HANDLER_ASYNC) != 0
        let isBatch = handler.pointee.flags & UInt32(MILLRACE_HANDLER_BATCH) != 0
        if isBatch, handler.pointee.size < MemoryLayout<millrace_handler>.size || handler.pointee.begin_batch == nil {
            throw PluginError(.malformed("handler '\(String(cString: name))' lacks begin_batch"), path: path)
        }
        if isBatch, isAsync {
            let text =
                "handler '\(String(cString: name))' takes batches and is async; this version has no such handlers"
            throw PluginError(.malformed(text), path: path)
        }
        return HandlerEntry(
            name: String(cString: name),
            isAsync: isAsync,
            isBatch: isBatch,
            descriptor: handler
        )
    }
}
