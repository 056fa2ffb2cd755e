namespace Ardir.Core;

/// <summary>A network whose family and sizes were read from a few entries, before all entries are compared with its own.</summary>
internal sealed record ModelMatch(
    string Architecture,
    int Classes,
    int InputChannels,
    StateShapes Shapes,
    IReadOnlyList<ModelCandidate> Candidates,
    IReadOnlyList<string> Notes);
