/// An option in a job's `with:` that its handler does not read.
package struct UnreadOption: Hashable, Sendable {
    /// Its keys, from the outermost on.
    package let path: [String]
    /// A key that the handler has asked for there in vain: what was probably meant.
    package let nearest: String?

    /// As people write it.
    package var name: String { self.path.joined(separator: ".") }

    /// The options that are there and were not asked for.
    ///
    /// - Parameters:
    ///   - options: A job's `with:`.
    ///   - paths: What its handler has read, as JSON pointers; each stands for all below it.
    /// - Returns: In the order of their names.
    package static func all(in options: [String: OptionValue], read paths: [String]) -> [UnreadOption] {
        Self.look(options.map { OptionValue.Member(key: $0, value: $1) }, at: "", [], Set(paths))
    }

    private static func look(
        _ members: [OptionValue.Member],
        at place: String,
        _ path: [String],
        _ read: Set<String>
    ) -> [UnreadOption] {
        if read.contains(place) { return [] }
        let keys = Set(members.map(\.key))
        let wanted = read.compactMap { Self.key(of: $0, in: place) }.filter { !keys.contains($0) }.sorted()
        return members.sorted { $0.key < $1.key }.flatMap { member -> [UnreadOption] in
            let own = place + "/" + Self.escaped(member.key)
            if read.contains(own) { return [] }
            if case .object(let inner) = member.value, read.contains(where: { $0.hasPrefix(own + "/") }) {
                return Self.look(inner, at: own, path + [member.key], read)
            }
            return [UnreadOption(path: path + [member.key], nearest: NearestName.of(member.key, among: wanted))]
        }
    }

    /// The key that a pointer ends with, if it leads to a member of what is at `place`.
    private static func key(of pointer: String, in place: String) -> String? {
        guard pointer.hasPrefix(place + "/") else { return nil }
        let key = String(pointer.dropFirst(place.count + 1))
        return key.contains("/") ? nil : key.replacing("~1", with: "/").replacing("~0", with: "~")
    }

    private static func escaped(_ key: String) -> String { key.replacing("~", with: "~0").replacing("/", with: "~1") }
}
