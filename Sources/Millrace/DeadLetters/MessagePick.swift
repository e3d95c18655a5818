/// Which messages of a queue somebody named.
public struct MessagePick: Sendable, Equatable {
    private let ids: [String]
    private var found: Set<String> = []

    /// Those with these ids; several messages may have one id, and then all of them are meant.
    public init(ids: [String]) { self.ids = ids }

    /// Whether a message is meant; notes that it is there.
    public mutating func takes(_ id: String) -> Bool {
        guard self.ids.contains(id) else { return false }
        self.found.insert(id)
        return true
    }

    /// The ids that no message had so far, in their order, each once.
    public var missing: [String] {
        var seen = self.found
        return self.ids.filter { seen.insert($0).inserted }
    }
}

/// One message, named by its id or by its place in the list.
///
/// An id wins: ids may be numbers.
public struct SinglePick: Sendable, Equatable {
    /// What a message is to the name.
    public enum Match: Sendable, Equatable {
        /// It is the one: nothing that follows can change that.
        case exact
        /// It is the one unless a message with that very id follows.
        case byPlace
        /// It is another.
        case none
    }

    private let name: String
    private let place: Int?

    /// `name` is an id, or a place from 1.
    public init(_ name: String) {
        self.name = name
        self.place = Int(name)
    }

    /// What the message with this id at this place is to the name.
    public func match(id: String, place: Int) -> Match {
        if id == self.name { return .exact }
        return place == self.place ? .byPlace : .none
    }
}
