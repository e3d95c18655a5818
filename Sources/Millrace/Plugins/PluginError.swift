import AMQPClient

/// Why a plugin can not be used: what, where, and what to do, in one sentence.
public struct PluginError: Error, Equatable, CustomStringConvertible {
    /// What is wrong.
    public enum Problem: Equatable, Sendable {
        /// There is no such file.
        case missing
        /// The path names a pipe, a socket or a device.
        case isNoFile
        /// The path names a folder.
        case isFolder
        /// A shared library that lost its end.
        case isTruncated
        /// The system's loader refuses the file; its words.
        case doesNotLoad(String)
        /// No symbol `millrace_plugin`.
        case lacksSymbol
        /// `millrace_plugin` gave NULL.
        case noDescriptor
        /// Built against another version of the ABI.
        case otherVersion(UInt32)
        /// A descriptor that is too small or holds a NULL where none may be; which.
        case malformed(String)
        /// Two handlers of the same name in one plugin.
        case duplicate(String)
        /// Another plugin, by its path, offers a handler of the same name.
        case ambiguous(String, other: String)
        /// No plugin offers the handler; the names that are offered, nearest first.
        case unknownHandler(String, offered: [String])
        /// Its job has `batch`, and the handler gets its messages one by one.
        case takesNoBatches(String)
        /// A job has a program for a handler, and nothing here runs programs.
        case runsNoPrograms
    }

    /// What is wrong.
    public let problem: Problem
    /// The plugin's file; empty when it is about no single one.
    public let path: String

    init(_ problem: Problem, path: String) {
        self.problem = problem
        self.path = path
    }

    /// The sentence, on one line.
    public var description: String { PlainText.line(self.sentence) }

    private var sentence: String {
        let build = "build it with `swift build -c release`, and compare the path under `plugins`"
        switch self.problem {
        case .missing: return "plugin \(self.path): there is no such file; \(build)"
        case .isNoFile: return "plugin \(self.path): this is no regular file; name the .so file that the build made"
        case .isFolder: return "plugin \(self.path): this is a folder, not a shared library; name the .so file in it"
        case .isTruncated: return "plugin \(self.path): the end of the file is missing; copy or build it anew"
        case .doesNotLoad(let reason): return "plugin \(self.path): it can not be loaded: \(reason)\(Self.hint(reason))"
        case .lacksSymbol:
            return "plugin \(self.path): it has no symbol `millrace_plugin`; export one with @c(millrace_plugin)"
        case .noDescriptor:
            return "plugin \(self.path): its `millrace_plugin` returned NULL; it must return a descriptor"
        case .otherVersion(let version):
            return "plugin \(self.path): it was built for plugin ABI \(version), this millrace has ABI 1; "
                + "rebuild the plugin against the MillraceHandler of this version"
        case .malformed(let what):
            return "plugin \(self.path): its descriptor is malformed: \(what); rebuild the plugin"
        case .duplicate(let name): return "plugin \(self.path): it offers handler '\(name)' twice; rename one"
        case .ambiguous(let name, let other):
            return "plugin \(self.path): handler '\(name)' is offered by \(other) too; load one of the two"
        case .unknownHandler(let name, let offered):
            let list =
                offered.isEmpty
                ? "no plugin is loaded; name one under `plugins`" : "there are \(offered.joined(separator: ", "))"
            return "no plugin offers handler '\(name)'; \(list)"
        case .takesNoBatches(let name):
            return
                "handler '\(name)' gets its messages one by one, and its job has 'batch'; leave 'batch' out, or write"
                + " a BatchHandler"
        case .runsNoPrograms:
            return "its handler is a program ('exec'), and this supervisor runs none: link in MillraceExec with"
                + " `registry.add(linkedIn: ExecPlugin.descriptor)`, or use `millrace run`"
        }
    }

    private static func hint(_ reason: String) -> String {
        if reason.contains("libswift") || reason.contains("libFoundation") {
            return "; the Swift runtime is not found: install the same Swift, or link the plugin with -static-stdlib"
        }
        if reason.contains("file too short") || reason.contains("invalid ELF header") {
            return "; this is not a shared library: name the .so file that the build made"
        }
        if reason.contains("undefined symbol") { return "; link the library that has it into the plugin" }
        return ""
    }
}
