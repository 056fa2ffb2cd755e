using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// A comparison of training methods: data, network, recipe, methods, attacks and seeds. It is a JSON file (docs/experiments.md) that can be
/// printed, edited, run again and extended with more methods or seeds. Every method is trained once per seed (a run), and all methods with
/// the same seed and the same <see cref="ExperimentMethod.InitialWeights"/> begin with the same weights and see the same batches, so that
/// their differences are paired.
/// </summary>
/// <example><code>
/// var plan = ExperimentPlan.Load("study.json");
/// (plan with { Seeds = [1, 2, 3, 4, 5] }).Save("study.json");
/// </code></example>
public sealed record ExperimentPlan
{
    /// <summary>Title of the report.</summary>
    public required string Name { get; init; }

    /// <summary>A remark for the reader of the report: what is compared, and what was decided beforehand.</summary>
    /// <value>Empty by default.</value>
    public string Remark { get; init; } = "";

    /// <summary>Which images.</summary>
    public required ExperimentData Data { get; init; }

    /// <summary>The network of every method: a <see cref="PreActResNet"/>, unless <see cref="ExperimentOptions.Network"/> makes
    /// another.</summary>
    /// <value>PreActResNet-18 by default.</value>
    public ExperimentNetwork Network { get; init; } = new();

    /// <summary>What an adversary may do, in training and in evaluation.</summary>
    public required ExperimentThreat Threat { get; init; }

    /// <summary>How every method is trained.</summary>
    /// <value>The recipe of the ARDIR paper by default.</value>
    public ExperimentRecipe Recipe { get; init; } = new();

    /// <summary>The methods, teachers included. A teacher stands anywhere in the list and is trained before its students.</summary>
    public required IReadOnlyList<ExperimentMethod> Methods { get; init; }

    /// <summary>How the trained networks are attacked. Clean accuracy is always measured.</summary>
    public required IReadOnlyList<ExperimentAttack> Attacks { get; init; }

    /// <summary>One run of every method per seed. The seed decides the initial weights, the order of the data and the attacks'
    /// random starts.</summary>
    /// <value>1, 2 and 3 by default.</value>
    public IReadOnlyList<ulong> Seeds { get; init; } = [1, 2, 3];

    /// <summary>Reads and checks a plan file. Comments and trailing commas are allowed.</summary>
    /// <param name="path">The JSON file.</param>
    /// <exception cref="FormatException">The file is no plan; the message names the place or the property.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ExperimentPlan Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return PlanJson.Read(SharedFile.ReadText(path), path);
    }

    /// <summary>Reads and checks the text of a plan.</summary>
    /// <param name="json">JSON; comments and trailing commas are allowed.</param>
    /// <exception cref="FormatException">The text is no plan; the message names the place or the property.</exception>
    public static ExperimentPlan Parse(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return PlanJson.Read(json, "The plan");
    }

    /// <summary>The text of the plan file, which <see cref="Parse"/> reads.</summary>
    public string ToJson() => PlanJson.Write(this);

    /// <summary>Writes the plan file, atomically.</summary>
    /// <param name="path">The file; replaced when it exists.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        AtomicFile.Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(ToJson() + "\n")));
    }

    /// <summary>The method of a name.</summary>
    /// <exception cref="ArgumentException">No method has this name; the message lists those there are.</exception>
    public ExperimentMethod Method(string name) => Methods.FirstOrDefault(method => method.Name == name)
        ?? throw new ArgumentException(
            $"The plan has no method '{name}'; it has {string.Join(", ", Methods.Select(method => $"'{method.Name}'"))}.", nameof(name));

    /// <summary>The plan with only some of its methods, and the teachers that these need.</summary>
    /// <param name="names">Names of methods.</param>
    /// <exception cref="ArgumentException">A name is unknown.</exception>
    public ExperimentPlan Only(IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        var kept = new HashSet<string>(StringComparer.Ordinal);
        var open = new Stack<string>(names);
        while (open.TryPop(out var name))
        {
            var method = Method(name);
            if (!kept.Add(name)) continue;
            foreach (var teacher in method.Teachers) open.Push(teacher);
        }
        return this with { Methods = [.. Methods.Where(method => kept.Contains(method.Name))] };
    }

    internal void Validate() => PlanGuard.Check(this);
}
