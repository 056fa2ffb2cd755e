namespace Ardir.Mutation;

/// <summary>One small change of the source.</summary>
/// <param name="Id">Number in this run; the switch that makes the change.</param>
/// <param name="File">Path from the root of the repository.</param>
/// <param name="Line">1-based; for people, since it moves with every edit.</param>
/// <param name="Code">The line's text, without its indentation.</param>
/// <param name="Change">What becomes what.</param>
/// <param name="Nth">Which of the equal changes in equal lines of the file, from 0.</param>
/// <param name="Lasting">Evaluated once per process, in a static initializer.</param>
internal sealed record Mutant(int Id, string File, int Line, string Code, string Change, int Nth, bool Lasting)
{
    /// <summary>What stays the same when other lines of the file change.</summary>
    public string Key => $"{File}|{Code}|{Change}|{Nth}";
}
