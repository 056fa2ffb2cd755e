using System.Globalization;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Benchmarks;

/// <summary>What makes the passes of the library cheaper than those of the raw loop; each can be switched by itself.</summary>
/// <param name="Format">The memory format of student and teacher.</param>
/// <param name="Shards">The threads of an attack.</param>
/// <param name="Search">The precision in which attacks follow gradients.</param>
/// <param name="KeepsMemory">Whether the process keeps freed memory, where the raw loop runs in a process of its own that does not.</param>
/// <param name="Folds">Whether attacks fold batch norms into convolutions.</param>
/// <param name="GivesBackMemory">Whether training gives back what is free before each step where attacks run in shards.</param>
/// <param name="Convolutions">By which algorithm convolutions compute in attacks.</param>
internal sealed record Speedups(
    MemoryFormat Format = MemoryFormat.Contiguous, int Shards = 1, SearchPrecision Search = SearchPrecision.Full, bool KeepsMemory = false,
    bool Folds = false, bool GivesBackMemory = false, ConvolutionAlgorithm Convolutions = ConvolutionAlgorithm.Direct)
{
    /// <summary>Whether the library computes as the raw loop does.</summary>
    public bool AreOff => Format == MemoryFormat.Contiguous && Shards == 1 && Search == SearchPrecision.Full && !KeepsMemory && !Folds && Convolutions == ConvolutionAlgorithm.Direct;

    /// <summary>The context of an attack.</summary>
    public AttackContext Context => new() { Shards = Shards, SearchPrecision = Search, FoldBatchNorm = Folds, Convolutions = Convolutions };

    /// <summary><c>--format contiguous|channelslast|measured</c>, <c>--shards N|auto</c>, <c>--search full|bfloat16</c>, <c>--memory kept|returned</c> (before each step with shards), <c>--norms folded</c> and
    /// <c>--convolutions direct|winograd</c>.</summary>
    public static Speedups Of(string[] args) => new(
        CommandLineValue.Of(args, "--format") is { } format ? Enum.Parse<MemoryFormat>(format, ignoreCase: true) : MemoryFormat.Contiguous,
        CommandLineValue.Of(args, "--shards") is "auto" ? AttackShards.Automatic : CommandLineValue.Of(args, "--shards", 1),
        CommandLineValue.Of(args, "--search") is { } search ? Enum.Parse<SearchPrecision>(search, ignoreCase: true) : SearchPrecision.Full,
        CommandLineValue.Of(args, "--memory") is "kept" or "returned",
        CommandLineValue.Of(args, "--norms") is "folded",
        CommandLineValue.Of(args, "--memory") is "returned",
        CommandLineValue.Of(args, "--convolutions") is { } algorithm ? Enum.Parse<ConvolutionAlgorithm>(algorithm, ignoreCase: true) : ConvolutionAlgorithm.Direct);

    /// <summary>The same as arguments of a child process.</summary>
    public string[] Arguments =>
    [
        "--format", $"{Format}", "--shards", Threads, "--search", $"{Search}", "--memory", Memory ?? "default", "--norms", Folds ? "folded" : "separate",
        "--convolutions", $"{Convolutions}",
    ];

    /// <summary>For a table.</summary>
    public override string ToString() => $"{Format.ToString().ToLowerInvariant()} | {Threads} | {Search.ToString().ToLowerInvariant()} | {Memory ?? "as the floor"} | {(Folds ? "folded" : "separate")} | {Convolutions.ToString().ToLowerInvariant()}";

    private string? Memory => GivesBackMemory ? "returned" : KeepsMemory ? "kept" : null;

    private string Threads => Shards == AttackShards.Automatic ? "auto" : Shards.ToString(CultureInfo.InvariantCulture);
}
