import Foundation
import Testing

/// The house rules that a machine can check.
///
/// Each message names what to do instead.
@Suite struct TidyTests {
    private struct File {
        let path: String
        let lines: [String]
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path()

    private static func files(_ folder: String) -> [File] {
        let walk = FileManager.default.enumerator(atPath: Self.root + folder)
        var files: [File] = []
        while let name = walk?.nextObject() as? String {
            guard name.hasSuffix(".swift"), !name.contains("Generated/") else { continue }
            let path = folder + "/" + name
            guard let text = try? String(contentsOfFile: Self.root + path, encoding: .utf8) else { continue }
            files.append(File(path: path, lines: text.components(separatedBy: "\n")))
        }
        return files
    }

    private static let sources = Self.files("Sources") + Self.files("Examples")
    private static let tests = Self.files("Tests")

    @Test func `the rules see the whole project`() {
        #expect(Self.sources.count > 100)
        #expect(Self.tests.count > 20)
    }

    @Test func `no file is longer than a reader can hold: split it by idea`() {
        for file in Self.sources { #expect(file.lines.count <= 500, "\(file.path): \(file.lines.count) lines") }
        for file in Self.tests { #expect(file.lines.count <= 800, "\(file.path): \(file.lines.count) lines") }
    }

    private static let banned = [
        ("try" + "!", "handle the error: it may come from the network, a file or a plugin"),
        ("fatal" + "Error(", "give an error value that says what, where and what to do"),
        ("TO" + "DO", "open an issue, or do it"), ("FIX" + "ME", "open an issue, or do it"),
        ("us" + "leep(", "wait for the event"), ("Thread." + "sleep", "wait for the event"),
        ("Task." + "sleep", "wait for the event"),
    ]

    @Test func `words that have no place here`() {
        for file in Self.sources + Self.tests {
            for (index, line) in file.lines.enumerated() {
                for (word, instead) in Self.banned where line.contains(word) {
                    Issue.record("\(file.path):\(index + 1): '\(word)': \(instead)")
                }
            }
        }
    }

    @Test func `what a command says goes through Output, and what it logs through its own handler`() {
        let ways = [
            (" print" + "(", "say it by StandardOutput or StandardError"),
            ("STDOUT" + "_FILENO", "say it by StandardOutput"), ("fputs" + "(", "say it by StandardError"),
            ("Logger(label" + ": \"millrace\")\n", "take one of LoggingOptions"),
        ]
        for file in Self.sources where file.path.hasPrefix("Sources/") && !file.path.contains("/Output/") {
            for (index, line) in file.lines.enumerated() {
                if line.trimmingCharacters(in: .whitespaces).hasPrefix("//") { continue }
                for (way, instead) in ways where " \(line)\n".contains(way) {
                    Issue.record("\(file.path):\(index + 1): \(instead)")
                }
            }
        }
    }

    @Test func `what the compiler can not check has its reason beside it`() {
        for file in Self.sources + Self.tests {
            for (index, line) in file.lines.enumerated()
            where line.contains("@unchecked " + "Sendable") || line.contains("nonisolated" + "(unsafe)") {
                if line.trimmingCharacters(in: .whitespaces).hasPrefix("//") { continue }
                // On the line itself, or in the comment above the declaration.
                var above = index - 1
                var reason = line.contains("//")
                while above >= 0, file.lines[above].trimmingCharacters(in: .whitespaces).hasPrefix("//") {
                    reason = reason || file.lines[above].contains(":")
                    above -= 1
                }
                #expect(reason, "\(file.path):\(index + 1): say in one line why this is right")
            }
        }
    }

    @Test func `the core of a connection knows of no socket: it imports the wire format and what threads need`() {
        let files = Self.sources.filter { $0.path.hasPrefix("Sources/AMQPCore/") }
        #expect(files.count > 70)
        for file in files {
            for line in file.lines where line.contains("import ") && !line.hasPrefix("/") && !line.hasPrefix(" ") {
                let module = line.split(separator: " ").last.map(String.init) ?? ""
                #expect(
                    ["AMQPWire", "CAMQPSystem", "Glibc", "Synchronization"].contains(module),
                    "\(file.path): \(line)"
                )
            }
        }
    }

    @Test func `what a job is and what is decided about it needs no NIO: it imports other values`() {
        let files = Self.sources.filter {
            $0.path.hasPrefix("Sources/MillraceCore/") || $0.path.hasPrefix("Sources/MillraceMessages/")
        }
        #expect(files.count > 70)
        for file in files {
            for line in file.lines where line.contains("import ") && !line.hasPrefix("/") && !line.hasPrefix(" ") {
                let module = line.split(separator: " ").last.map(String.init) ?? ""
                #expect(
                    ["AMQPWire", "AMQPCore", "MillraceMessages", "Glibc"].contains(module),
                    "\(file.path): \(line)"
                )
            }
        }
    }

    @Test func `the embedded broker does no I/O: it imports the wire format and nothing else`() {
        let files = Self.sources.filter { $0.path.hasPrefix("Sources/AMQPBroker/") }
        #expect(files.count > 30)
        for file in files {
            for line in file.lines where line.contains("import ") && !line.hasPrefix("/") && !line.hasPrefix(" ") {
                #expect(line.split(separator: " ").last == "AMQPWire", "\(file.path): \(line)")
            }
        }
    }

    @Test func `machines are values without I/O: they import the wire format, other values and nothing else`() {
        let values = [
            "PlannedDeclaration", "DeclarationPlan", "DeclarationRun", "ConnectionKeeper", "RecoverySchedule",
            "OutputQueue",
        ]
        for file in Self.sources
        where file.path.contains("/Machines/")
            || values.contains(where: { file.path.hasSuffix("/\($0).swift") })
        {
            for line in file.lines where line.contains("import ") && !line.hasPrefix("/") {
                let module = line.split(separator: " ").last.map(String.init) ?? ""
                #expect(["AMQPWire", "AMQPCore"].contains(module), "\(file.path) imports \(module)")
            }
        }
    }

    @Test func `what somebody else's plugins and tests are built with needs no framework`() {
        let allowed = ["CMillraceABI", "MillraceHandler", "Glibc", "Synchronization"]
        let files = Self.sources.filter {
            $0.path.hasPrefix("Sources/MillraceHandler/") || $0.path.hasPrefix("Sources/MillraceTesting/")
        }
        #expect(files.count > 50)
        for file in files {
            for line in file.lines where line.hasPrefix("import ") || line.contains(" import ") && !line.hasPrefix("/")
            {
                let module = line.split(separator: " ").last.map(String.init) ?? ""
                #expect(allowed.contains(module), "\(file.path) imports \(module)")
            }
        }
    }

    @Test func `a public call that blocks its thread is not to be had from async code`() {
        var calls = 0
        for file in Self.sources where file.path.hasPrefix("Sources/AMQPC") {
            var (blocks, isMarked) = (false, false)
            for line in file.lines.map({ $0.drop { $0 == " " } }) {
                if line.hasPrefix("///") {
                    if line.contains("Blocks ") || line.contains("it blocks until") { blocks = true }
                } else if line.hasPrefix("@") {
                    if line.contains("noasync") { isMarked = true }
                } else {
                    if blocks, line.hasPrefix("public ") {
                        calls += 1
                        #expect(isMarked, "\(file.path): \(line) blocks: mark it @available(*, noasync)")
                    }
                    (blocks, isMarked) = (false, false)
                }
            }
        }
        #expect(calls >= 20)
    }
}
