namespace Ardir.Core;

/// <summary>A network whose names and sizes were read off the entries, before the comparison of all of them.</summary>
internal sealed record ModelMatch(string Architecture, int Classes, int InputChannels, StateShapes Shapes, IReadOnlyList<ModelCandidate> Candidates, IReadOnlyList<string> Notes);
