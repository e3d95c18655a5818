import Foundation

/// A folder of one test, gone with it.
package final class Scratch: Sendable {
    package let path: String

    package init() throws {
        self.path = FileManager.default.temporaryDirectory.appending(path: "millrace-test-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    @discardableResult
    package func write(_ name: String, _ text: String) throws -> String {
        let file = self.path + "/" + name
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }
}
