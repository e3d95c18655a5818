/// What becomes of a schedule's times that passed while nobody was there.
public enum CatchUp: String, Sendable, Equatable, CaseIterable {
    /// The last of them is made good.
    case latest
    /// All of them, one after the other.
    case all
    /// None: what is later than its deadline, 10 s unless given, is left out.
    case none
}
