import Synchronization

/// What has been asked of a handler's options, there or not.
final class OptionUse: Sendable {
    private let asked = Mutex<Set<String>>([])

    func note(_ path: String) { self.asked.withLock { _ = $0.insert(path) } }

    /// As JSON pointers, sorted.
    var paths: [String] { self.asked.withLock { $0.sorted() } }

    /// The JSON pointer of a key in what is at `place`.
    static func pointer(_ place: String, _ key: String) -> String {
        "\(place)/" + key.replacing("~", with: "~0").replacing("/", with: "~1")
    }
}
