namespace Ardir.Distillation;

/// <summary>Which methods are compared with which: with SAT, with output distillation from the same images of the teacher, with the method
/// of which they are a variant, and with their teacher.</summary>
internal static class ComparisonPairs
{
    public static IReadOnlyList<(ExperimentMethod Method, ExperimentMethod Other)> Of(ReportStudy study)
    {
        var plan = study.Plan;
        // Ordinary training has no robustness to compare.
        var students = plan.Methods.Where(method => !study.Teachers.Contains(method.Name) && method.Loss != "standard").ToList();
        var sat = students.Find(method => method.Name == "SAT") ?? students.Find(method => method.Loss == "sat");
        List<(ExperimentMethod, ExperimentMethod)> pairs = [];
        foreach (var method in students)
        {
            var teacher = method.Teacher is { } name ? plan.Method(name) : null;
            ExperimentMethod?[] others = [Base(method, students), OutputOnly(method, students), sat, teacher];
            pairs.AddRange(others.OfType<ExperimentMethod>().Where(other => other != method).Distinct().Select(other => (method, other)));
        }
        // A plan of one's own may have none of these. Its first method is then what the others are compared with.
        return pairs.Count > 0 ? pairs : [.. plan.Methods.Skip(1).Select(method => (method, plan.Methods[0]))];
    }

    /// <summary>"ARDIR-RC" for "ARDIR-RC train mode": the same loss, and a name that begins with the other's.</summary>
    private static ExperimentMethod? Base(ExperimentMethod method, List<ExperimentMethod> students) =>
        students.Where(other => other.Loss == method.Loss && method.Name.StartsWith(other.Name + " ", StringComparison.Ordinal))
            .MaxBy(other => other.Name.Length);

    /// <summary>ARD with the same images for the teacher; in a sweep without ARD, ARDIR with beta 0, which is ARD without replaced
    /// labels.</summary>
    private static ExperimentMethod? OutputOnly(ExperimentMethod method, List<ExperimentMethod> students)
    {
        if (method.Loss != "ardir") return null;
        var alike = students.FindAll(other => other.Teacher == method.Teacher && Letters(other) == Letters(method));
        return alike.Find(other => other.Loss == "ard") ?? alike.Find(other => other.Loss == "ardir" && Sweep.Value(other, "beta") == 0);
    }

    private static string Letters(ExperimentMethod method) =>
        method.Settings.Values.TryGetValue("teacherData", out var value) ? value.ToString().ToUpperInvariant() : "";
}
