namespace Ardir.Distillation;

/// <summary>A network that takes part in a training step, by name: the student, its teachers, or one of your own such as a second robust
/// teacher or an average of the student's weights. Two roles of one name are equal.</summary>
/// <example><code>
/// var average = new NetworkRole("average");
/// var pass = new NetworkPass(average, ImageSource.Clean);      // what a loss declares in its needs
/// </code></example>
public sealed record NetworkRole
{
    /// <summary>Names a role of your own.</summary>
    /// <param name="name">Not blank, and not the name of a known role but for case or spaces, because names are compared exactly; also
    /// part of the seed of attacks against this network.</param>
    /// <exception cref="ArgumentException">The name is blank, or so close to that of a known role that this one must be meant.</exception>
    public NetworkRole(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        Apart(name, "student", nameof(Student));
        Apart(name, "teacher", nameof(Teacher));
        Apart(name, "standard teacher", nameof(StandardTeacher));
        Name = name;
    }

    /// <summary>The network that is trained. Its passes carry gradients; those of all other networks do not.</summary>
    public static NetworkRole Student { get; } = new("student");

    /// <summary>The network that the student learns from.</summary>
    public static NetworkRole Teacher { get; } = new("teacher");

    /// <summary>A second, ordinarily trained teacher (IAD-II, AKD2).</summary>
    public static NetworkRole StandardTeacher { get; } = new("standard teacher");

    /// <summary>The name.</summary>
    public string Name { get; }

    /// <summary>The name.</summary>
    /// <returns>For example <c>student</c>.</returns>
    public override string ToString() => Name;

    private static void Apart(string name, string known, string property)
    {
        var looksAlike = string.Equals(name.Trim(), known, StringComparison.OrdinalIgnoreCase);
        if (!looksAlike || string.Equals(name, known, StringComparison.Ordinal)) return;
        throw new ArgumentException(
            $"The name '{name}' would be another role than '{known}'. Use {nameof(NetworkRole)}.{property}, or a name that cannot be " +
            "mistaken for it.", nameof(name));
    }
}
