using Ardir.Core;
using Ardir.Distributed;

namespace Ardir.Samples;

/// <summary>The processes that share a command.</summary>
/// <param name="Collective">What they exchange by.</param>
/// <param name="LocalRank">The number of this one on its machine.</param>
internal sealed record Ranks(ICollective Collective, int LocalRank)
{
    private const string Threads = "OMP_NUM_THREADS";

    public static Ranks Alone { get; } = new(SoloCollective.Instance, 0);

    public bool IsFirst => Collective.Rank == 0;

    /// <summary>The ranks of a launcher, which share the processors of a machine: with all of them each, they would be in each other's way.</summary>
    public static Ranks Of(MpiCollective collective)
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable(Threads)))
            set_num_threads(Math.Max(1, Environment.ProcessorCount / collective.LocalSize));
        return new Ranks(collective, collective.LocalRank);
    }

    /// <summary>The device of this rank: each takes a GPU of its own where none is named.</summary>
    public string Device(string asked) => asked == "cuda" && Collective.Size > 1 ? $"cuda:{LocalRank}" : asked;
}
