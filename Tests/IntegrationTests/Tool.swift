import Foundation
import TestSupport

/// Programs under test, run as a user runs them.
enum Tool {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path()

    /// The release build that `ops/test` made.
    static var millrace: String { Self.root + ".build/release/millrace" }
    static var plugin: String { Self.root + ".build/release/libExamples.so" }

    static var isBuilt: Bool {
        FileManager.default.isExecutableFile(atPath: Self.millrace)
            && FileManager.default.fileExists(atPath: Self.plugin)
    }

    struct Result {
        let status: Int32
        let output: String
        let errors: String
    }

    static func start(_ path: String, _ arguments: [String], environment: [String: String] = [:]) throws -> Child {
        try Child(path, arguments, environment: environment, folder: Self.root)
    }

    private static let boots = NSLock()

    /// Starts a broker; one after the other, for several at once take minutes on a small machine.
    static func boot(_ path: String, _ arguments: [String]) throws -> Result {
        try Self.boots.withLock { try Self.run(path, arguments) }
    }

    /// Runs a program to its end; its output goes through files, so that no pipe can fill up.
    ///
    /// - Parameters:
    ///   - path: The program.
    ///   - arguments: Its arguments.
    ///   - environment: Variables more.
    ///   - input: What it reads.
    ///   - octets: The same, if it is no text.
    ///   - output: Where its output goes, if nobody is to read it.
    /// - Returns: What it wrote, and how it ended.
    /// - Throws: If it can not be started, or what it wrote is no text.
    static func run(
        _ path: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        input: String = "",
        octets: [UInt8]? = nil,
        output: String? = nil
    ) throws -> Result {
        let folder = try Scratch()
        let inputPath = try folder.write("input", input)
        if let octets { try Data(octets).write(to: URL(filePath: inputPath)) }
        let outputPath = output ?? folder.path + "/output"
        let errorPath = folder.path + "/errors"
        let child = try Child(
            path,
            arguments,
            environment: environment,
            folder: Self.root,
            input: inputPath,
            output: outputPath,
            errors: errorPath
        )
        return Result(
            status: child.waitForExit(),
            output: output == nil ? try String(contentsOfFile: outputPath, encoding: .utf8) : "",
            errors: try String(contentsOfFile: errorPath, encoding: .utf8)
        )
    }
}

extension Tool {
    /// Ends a server of tmux: it has this thread's mask of signals, so that `kill-server`, which is a SIGTERM to itself, ends nothing.
    static func endTmux(_ server: String) {
        let asked = try? Self.run("/usr/bin/tmux", ["-L", server, "display-message", "-p", "#{pid}"])
        if let pid = (asked?.output.split(separator: "\n").first).flatMap({ pid_t($0) }), pid > 1 { kill(pid, SIGKILL) }
    }
}

extension PeerFailure {
    /// A command that failed.
    init(_ command: String, _ arguments: [String], _ result: Tool.Result) {
        self.init("\(command) \(arguments): status \(result.status) \(result.errors)\(result.output)")
    }
}
