// What stands on a message is the client's too: it is a target of its own, and known everywhere in this one.
@_exported public import MillraceMessages
